"""What the server of child processes imports before it makes any."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import alembic.command  # noqa: E402, F401
import pandas  # noqa: E402, F401
import pyarrow.csv  # noqa: E402, F401
import pyarrow.parquet  # noqa: E402, F401
import skops.io  # noqa: E402, F401
import sklearn.compose  # noqa: E402, F401
import sklearn.impute  # noqa: E402, F401
import sklearn.linear_model  # noqa: E402, F401
import sklearn.pipeline  # noqa: E402, F401
import sqlite3  # noqa: E402, F401

import sqlalchemy.dialects.sqlite  # noqa: E402, F401

import expunge.methods.sharded.sisa  # noqa: E402, F401
import expunge.methods.sums.gaussian_nb  # noqa: E402, F401
import expunge.workspace.workspace  # noqa: E402, F401
import workspace.life  # noqa: E402, F401
