"""What a VMDistributed stands for: its children as they should be, as pure functions (spec 02 §2 to §8, §16).

- `merge`: a zone's spec over the common one, with ``%ZONE%`` expanded;
- `children`: from both to backend, agent and VMAuth, each with the operator's defaults;
- `write_urls`: where agents write to reach a zone;
- `referenced`: children that keep their own spec, what of it is ours, and how they are given back;
- `targets`: who gets queries and writes, and the refs of the VMAuth that say so;
- `ownership`: whose a child is and who made it;
- `defaults`: of the VMDistributed itself; `support`: fields that do nothing yet.
"""

from vmop.builders.vmdistributed.support import unsupported

__all__ = ["unsupported"]
