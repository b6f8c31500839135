"""Shipped data configs of JetClass."""

from pathlib import Path

from weaver.utils.data.config import DataConfig

from hepjepa_weaver.batch.columns import feature_columns

REPOSITORY = Path(__file__).parents[2]


def jetclass_config(features: str) -> DataConfig:
    """The data config of JetClass with these features (kin, kinpid, full)."""
    return DataConfig.load(str(REPOSITORY / f"data_configs/JetClass/JetClass_{features}.yaml"))


COLUMNS = {features: feature_columns(jetclass_config(features)) for features in ("kin", "kinpid", "full")}
