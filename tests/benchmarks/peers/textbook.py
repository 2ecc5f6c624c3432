"""The textbook way: Strawberry, an SQLModel session, and after its commit a Celery task that carries the event.

Run as a module, this serves it; with --worker it is the Celery worker that writes the rows to be read.
"""

import os
import sys
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any
from uuid import UUID, uuid4

import strawberry
from celery import Celery
from sqlalchemy import DateTime, Engine, create_engine, make_url
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import registry
from sqlmodel import Field, Session, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL

from tasks.settings import QueueSettings
from tests.benchmarks.peers import serving

TASK = "textbook.project"
VIEW = "textbook_orders_view"


class Table(SQLModel, registry=registry()):
    """Tables of its own, beside ours in the write database."""


class User(Table, table=True):
    __tablename__ = "textbook_users"
    id: UUID = Field(primary_key=True)
    name: str
    email: str


class Product(Table, table=True):
    __tablename__ = "textbook_products"
    id: UUID = Field(primary_key=True)
    name: str
    price: Decimal


class Order(Table, table=True):
    __tablename__ = "textbook_orders"
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: UUID = Field(foreign_key="textbook_users.id")
    total: Decimal
    status: str = "pending"
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC), sa_type=DateTime(timezone=True))


class OrderLine(Table, table=True):
    __tablename__ = "textbook_order_lines"
    order_id: UUID = Field(foreign_key="textbook_orders.id", primary_key=True)
    product_id: UUID = Field(foreign_key="textbook_products.id", primary_key=True)
    quantity: int
    unit_price: Decimal


class UserOrdersView(Table, table=True):
    __tablename__ = VIEW
    order_id: UUID = Field(primary_key=True)
    user_id: UUID
    user_name: str
    user_email: str
    total: Decimal
    item_count: int
    item_names: str
    status: str
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


def celery_app() -> Celery:
    broker = QueueSettings(redis_url=os.environ["TANDEM_REDIS_URL"]).broker_url
    app = Celery("textbook", broker=broker, set_as_current=False)
    app.conf.update(task_ignore_result=True, task_default_queue="textbook", broker_connection_retry_on_startup=True)

    @app.task(name=TASK)
    def project(**event: Any) -> None:
        with Session(engine()) as session:
            session.merge(UserOrdersView.model_validate(event))
            session.commit()

    return app


@cache  # at the first task, so after the fork
def engine() -> Engine:
    return create_engine(_url("postgresql+psycopg"))


def _url(driver: str) -> Any:
    return make_url(os.environ["TANDEM_WRITE_DATABASE_URL"]).set(drivername=driver)


@strawberry.input
class OrderLineInput:
    product_id: strawberry.ID
    quantity: int


@strawberry.input
class CreateOrderInput:
    user_id: strawberry.ID
    items: list[OrderLineInput]
    idempotency_key: str | None = None


@strawberry.type
class OrderAccepted:
    order_id: strawberry.ID
    version: int
    token: str | None


@strawberry.type
class Refused:
    message: str


@strawberry.type
class Query:
    @strawberry.field
    def ready(self) -> bool:
        return True


def schema() -> strawberry.Schema:
    app = celery_app()
    sessions = async_sessionmaker(
        create_async_engine(_url("postgresql+asyncpg"), pool_size=serving.CONNECTIONS), class_=AsyncSession
    )

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        async def create_order(
            self,
            input: CreateOrderInput,  # noqa: A002 - the contract's name
        ) -> Annotated[OrderAccepted | Refused, strawberry.union("OrderResult")]:
            async with sessions() as session:
                user = await session.get(User, UUID(input.user_id))
                ids = [UUID(item.product_id) for item in input.items]
                found = await session.exec(select(Product).where(col(Product.id).in_(ids)))
                products = {product.id: product for product in found}
                if user is None or len(products) != len(ids):
                    return Refused(message="There is no such user or product.")
                lines = [(products[UUID(item.product_id)], item.quantity) for item in input.items]
                total = sum((product.price * quantity for product, quantity in lines), Decimal(0))
                if total <= 0:
                    return Refused(message="Order total must be positive")
                order = Order(user_id=user.id, total=total)
                session.add(order)
                session.add_all(
                    OrderLine(order_id=order.id, product_id=product.id, quantity=quantity, unit_price=product.price)
                    for product, quantity in lines
                )
                event = {
                    "order_id": str(order.id),
                    "user_id": str(user.id),
                    "user_name": user.name,
                    "user_email": user.email,
                    "total": str(total),
                    "item_count": len(lines),
                    "item_names": ", ".join(product.name for product, _ in lines),
                    "status": order.status,
                    "created_at": order.created_at.isoformat(),
                }
                await session.commit()
            app.tasks[TASK].delay(**event)
            return OrderAccepted(order_id=strawberry.ID(event["order_id"]), version=1, token=None)

    return strawberry.Schema(query=Query, mutation=Mutation)


def open_shop(write_url: str) -> None:
    """Make its tables, with the users and products that ours have."""
    engine = create_engine(make_url(write_url).set(drivername="postgresql+psycopg"))
    Table.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("insert into textbook_users select id, name, email from users")
        connection.exec_driver_sql("insert into textbook_products select id, name, price from products")
    engine.dispose()


def create_app() -> Starlette:
    return Starlette(routes=[Route("/graphql", GraphQL(schema(), graphql_ide="graphiql"))])


if __name__ == "__main__":
    if "--worker" in sys.argv:
        celery_app().worker_main(["worker", "--concurrency=2", "--loglevel=WARNING"])
    else:
        serving.serve(create_app)
