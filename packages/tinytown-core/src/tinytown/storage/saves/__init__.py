"""A whole town as one text file: what is kept, how it is written, and the keys that are made of it again.

Records are kept, and what no record says; every index is made anew from them, so a file cannot hold two truths.
Whoever adds a key says here what becomes of it, in `rebuild` how it is made, and in `town_clear` that it goes.

| of the town | in the file |
|---|---|
| `town` | name, schema, counter `seq`, time of making, what was spent |
| `town` | not the folder's instance id, `max_events` (a setting), what is kept back (the live rounds say it) |
| `task:` `agent:` `message:` `round:` `attention:` `history:` | all of it |
| `node:` | name, host, capacity, state; not its lease (nonce, process, beats) |
| `parked:` | all of it, while an agent has that account |
| `blockers:` | as `blockers` of the task; `dependents:` follows |
| `due:` `idle:` `verify:` `freed` | the place of each member, as `due`, `idle`, `verify` or `freed` of its record |
| `events` | all entries that are kept, with their ids, and whether older ones were trimmed |
| `ids` `names` `tasks` `tasks:` `backlog:` `queue:` `mine:` `done:` `agents` `hosted:` `rounds:` | made anew |
| `plan` `lane:` `waking:` `expiring` `live` `ends:` `nodes` `attention` `attention_by` | made anew |
| `bell:` `op:` | left out: they ring and repeat what is over |
"""
