"""What calls cost: measured usage times a rate card, and a bill shared out or explained."""
