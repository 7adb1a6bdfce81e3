"""What the service takes: every field by its name and type, and nothing else."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["Asked", "Confirmation", "Correction", "Name", "Reason", "Rows", "Run", "Wish"]

#: At most so many ids, and rows, in one call.
MOST = 10_000
#: Longest id, name or text.
LONGEST = 1_000


def _id(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError("an id is an integer or a text")
    return value


Text = Annotated[str, Field(max_length=LONGEST)]
#: 17 and "17" are different ids, and stay what they are.
Id = Annotated[int | Text, BeforeValidator(_id)]
Ids = Annotated[list[Id], Field(max_length=MOST)]
Cell = int | float | bool | str | None
Table = Annotated[list[dict[str, Cell]], Field(max_length=MOST)]


#: Fields that are not known are refused, and no value is turned into another type.
STRICT = ConfigDict(extra="forbid", strict=True)


class Asked(BaseModel):
    """Whom or what it is about."""

    model_config = STRICT

    subjects: Ids | None = Field(default=None, description="Persons, by their ids.")
    records: Ids | None = Field(default=None, description="Records, by their ids.")
    classes: Ids | None = Field(default=None, description="Whole classes, by their labels.")
    features: Annotated[list[Text], Field(max_length=MOST)] | None = Field(default=None, description="Whole columns.")
    data: Text | None = Field(default=None, description="Only in this data set.")

    def given(self) -> dict[str, Any]:
        """The arguments of a verb: what was given."""
        return self.model_dump(exclude_none=True)


class _WithCaller(BaseModel):
    model_config = STRICT

    caller: Text = Field(default="", description="Who asks, for key.")
    key: Text = Field(default="", description="The caller's own key: asking again with it is the same request.")
    received: Text | None = Field(
        default=None, description="Arrival, as 2026-03-05 or 2026-03-05T14:00+01:00; default: now."
    )
    regime: Text | None = Field(default=None, description="The law, as gdpr or ccpa; default: that of the workspace.")


class Wish(Asked, _WithCaller):
    """A request to forget."""

    audit: int = Field(default=0, ge=0, le=1_000, description="Audit each model against so many references.")
    held_out: Text | None = Field(default=None, description="For the audit: a data set that no model has learned.")


class Correction(_WithCaller):
    """Records to correct."""

    data: Text = Field(description="The data set they belong to.")
    rows: Table = Field(description="Each with the id of its record, and the columns that were wrong, or all.")


class Run(BaseModel):
    """Requests to carry out."""

    model_config = STRICT

    requests: Annotated[list[int], Field(max_length=MOST)] | None = Field(
        default=None, description="Their numbers; default: those that the policy says."
    )


class Reason(BaseModel):
    """Why a request is held, extended or refused: a code from a list, for free text is where names end up."""

    model_config = STRICT

    reason: Text | None = Field(default=None, description="As litigation, complexity or no-ground.")


class Confirmation(BaseModel):
    """Whether the person has shown who they are."""

    model_config = STRICT

    confirmed: bool = Field(default=False, description="The person has answered; else they were asked.")


class Name(BaseModel):
    """Something derived that a request waits for."""

    model_config = STRICT

    name: Text = Field(description="As in the list of what the request waits for.")


class Rows(BaseModel):
    """Rows to predict for."""

    model_config = STRICT

    rows: Table = Field(description="Each maps names of columns to values; null where one is missing.")
    probabilities: bool = Field(default=False, description="A number for each class, too.")
