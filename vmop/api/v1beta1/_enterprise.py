"""Enterprise features of storage: downsampling and retention filters."""

import attrs

from vmop.api.fields import field


@attrs.frozen(kw_only=True)
class DownsamplingPeriod:
    """One step of downsampling: from an age on, one sample an interval is kept."""

    offset: str | None = field("Age of samples from which on this step applies, e.g. `30d`.", required=True)
    interval: str | None = field("Distance of the samples that are kept, e.g. `5m`.", required=True)


@attrs.frozen(kw_only=True)
class DownsamplingRule:
    """Steps of downsampling for some series."""

    filter: str | None = field('Series the rule applies to, e.g. `{env="dev"}`; all when empty.')
    periods: list[DownsamplingPeriod] | None = field("Steps, each with an age and an interval.", required=True)


@attrs.frozen(kw_only=True)
class Downsampling:
    """Thinning of old samples. Needs an enterprise license."""

    rules: list[DownsamplingRule] | None = field("Rules by series; each filter may appear once.")
    dedup_interval: str | None = field("Of samples closer together than this one is kept; divides all intervals.")


@attrs.frozen(kw_only=True)
class RetentionFilter:
    """Another retention for some series. Needs an enterprise license."""

    filter: str | None = field("Series the other retention applies to, as a selector.", required=True)
    retention: str | None = field(
        "How long the chosen series are kept; not longer than the retention period.", required=True
    )
