"""What the operator is told from outside: environment variables and flags.

There are two tables, and both are classes. `Settings` declares one field an environment variable, or one field an
application with its eleven variables; `OperatorFlags` declares one field a flag. A declaration carries the name, the
default and the description, so parsing, printing and metrics read the same line. Nothing here looks at the
environment, at `sys.argv` or at a file: the caller hands everything in, so a host that embeds the controllers builds
`Settings()` as it likes.

    settings = Settings.from_env(os.environ)     # or Settings(), or attrs.evolve(Settings(), enabletcp6=True)
    settings.vmagent.image                       # "victoriametrics/vmagent"
    settings.vmagent.resources.limits            # {"cpu": "200m", "memory": "500Mi"}

A wrong environment is refused as a whole: `SettingsError.problems` names every variable that cannot be read.
"""

from vmop.settings.flags import CACHEABLE, FlagError, HelpRequested, OperatorFlags, parse_flags, usage
from vmop.settings.printing import PrintFormat, VariableValue, print_defaults, variable_values
from vmop.settings.settings import Settings
from vmop.settings.values import UNLIMITED, parse_duration, parse_quantity
from vmop.settings.variables import ComponentDefaults, DefaultResources, SettingsError

__all__ = [
    "CACHEABLE",
    "UNLIMITED",
    "ComponentDefaults",
    "DefaultResources",
    "FlagError",
    "HelpRequested",
    "OperatorFlags",
    "PrintFormat",
    "Settings",
    "SettingsError",
    "VariableValue",
    "parse_duration",
    "parse_flags",
    "parse_quantity",
    "print_defaults",
    "usage",
    "variable_values",
]
