"""What things cost: YAML documents become one frozen policy. Pure, but for ``load``."""
