"""A FastAPI app that charges its own calls, to one account.

uvicorn examples.wrap_an_app:app
curl -X POST http://127.0.0.1:8000/v1/images/7/analysis
"""

from fastapi import FastAPI

from meter import MeterMiddleware, share

app = FastAPI()
app.add_middleware(
    MeterMiddleware,
    policies=share.folder("policies"),
    identify=lambda _: "acme",
    open_accounts="free",
)


@app.post("/v1/images/{id}/analysis")
async def analyse(id: str) -> dict[str, dict[str, str | list[str]]]:  # noqa: A002 - the name in the path
    """Analyse an image, as far as an example does."""
    return {"data": {"id": id, "colours": ["#2050c0"]}}
