"""What the server of child processes imports before it makes any."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sqlite3  # noqa: F401

import alembic.command  # noqa: F401
import pandas  # noqa: F401
import pyarrow.csv
import pyarrow.parquet  # noqa: F401
import sklearn.compose
import sklearn.impute
import sklearn.linear_model
import sklearn.pipeline  # noqa: F401
import skops.io  # noqa: F401
import sqlalchemy.dialects.sqlite  # noqa: F401

import expunge.methods.sharded.sisa
import expunge.methods.sums.gaussian_nb
import expunge.workspace.workspace  # noqa: F401
import workspace.life  # noqa: F401
