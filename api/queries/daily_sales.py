"""What was sold, day by day; for staff."""

from datetime import date
from typing import Annotated

import strawberry

from api.context import Info
from api.errors import BadUserInput
from api.reading import every
from api.types.daily_sales import DailySales
from projections.statements import found
from projections.views import daily_sales_view

MOST_DAYS = 3660  # ten years


async def daily_sales(
    info: Info,
    first: Annotated[date, strawberry.argument(name="from")],
    last: Annotated[date, strawberry.argument(name="to")],
) -> list[DailySales]:
    info.context.principal.require_staff()
    if first > last:
        raise BadUserInput(f"from must not be after to; {first} is after {last}.")
    days = (last - first).days + 1
    if days > MOST_DAYS:
        raise BadUserInput(f"from and to must span at most {MOST_DAYS} days; these are {days}: ask in parts.")
    return await every(info, DailySales, found(daily_sales_view.between, first=first, last=last))
