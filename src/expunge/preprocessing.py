"""Transformers that forget: short names for those of :mod:`expunge.methods.preprocessing`."""

from __future__ import annotations

from expunge.methods.preprocessing.column_transformer import ColumnTransformer
from expunge.methods.preprocessing.k_bins_discretizer import KBinsDiscretizer
from expunge.methods.preprocessing.min_max_scaler import MinMaxScaler
from expunge.methods.preprocessing.one_hot_encoder import OneHotEncoder
from expunge.methods.preprocessing.ordinal_encoder import OrdinalEncoder
from expunge.methods.preprocessing.simple_imputer import SimpleImputer
from expunge.methods.preprocessing.standard_scaler import StandardScaler

__all__ = [
    "ColumnTransformer",
    "KBinsDiscretizer",
    "MinMaxScaler",
    "OneHotEncoder",
    "OrdinalEncoder",
    "SimpleImputer",
    "StandardScaler",
]
