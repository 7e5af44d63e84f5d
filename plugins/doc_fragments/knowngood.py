"""Options that several modules share, documented once."""

from __future__ import annotations


class ModuleDocFragment:
    """Fragments ``knowngood.run``, ``.cloudflare``, ``.components``, ``.databases``, ``.evidence``, ``.grouping``,
    ``.ledger``, ``.maintenance``, ``.names``, ``.probing``, ``.signals`` and ``.moves``.

    ``.databases_optional`` and ``.locked`` are ``.databases`` and ``.ledger`` for modules that work without.
    """

    RUN = r"""
options:
  environment_name: {description: "Name of the environment, which is also the name of its inventory.", type: str, required: true}
  runs_dir: {description: "Folder that holds a folder per run, with its journal.", type: path, required: true}
  run: {description: "Id of the run; empty to begin a new one.", type: str, default: ""}
author: [Known Good maintainers (@knowngood)]
"""

    CLOUDFLARE = r"""
options:
  cloudflare:
    description: The way to Cloudflare.
    type: dict
    required: true
    suboptions:
      account_id: {description: The account., type: str, required: true}
      api_token: {description: "A token that may write Workers Scripts and Pages. Not needed with wrangler.", type: str, default: ""}
      api_url: {description: Where the API is., type: str, default: "https://api.cloudflare.com/client/v4"}
      transport:
        description: Ask through the REST API, or through the wrangler CLI of somebody who is logged in with it.
        type: str
        choices: [rest, wrangler]
        default: rest
      wrangler:
        description: The command that starts wrangler.
        type: list
        elements: str
        default: [npx, --no-install, wrangler]
      patience: {description: "Seconds to go on asking when Cloudflare does not answer.", type: float, default: 60}
"""

    COMPONENTS = r"""
options:
  components:
    description: The components, as C(roles/preflight) gathers them from the inventory.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: Name of the inventory host., type: str, required: true}
      kind: {description: What it is., type: str, required: true, choices: [worker, pages]}
      target: {description: "Name of the Worker, or of the Pages project, at Cloudflare.", type: str, required: true}
      follows:
        description: Whether every release deploys it, or only those that changed it.
        type: str
        choices: [always, when_changed]
        default: always
      after: {description: Components that must arrive before it., type: list, elements: str, default: []}
      health: {description: "The health contract, see C(docs/inventory.md).", type: dict, required: true}
"""

    GROUPING = r"""
options:
  others:
    description: Components that are not in this run, but tell which versions belong together.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Name of the inventory host., type: str, required: true}
      kind: {description: What it is., type: str, required: true, choices: [worker, pages]}
      target: {description: Its name at Cloudflare., type: str, required: true}
      follows:
        description: Whether every release deploys it, or only those that changed it.
        type: str
        choices: [always, when_changed]
        default: always
  keys:
    description: What joins versions of different components into a release, the strongest first.
    type: list
    elements: str
    choices: [tag, commit, message, window]
    default: [tag, commit, message, window]
  window:
    description: The longest time in seconds between two versions of one release, where only time joins them.
    type: float
    default: 900
"""

    DATABASES = r"""
options:
  databases:
    description: The databases, as C(roles/preflight) gathers them from the inventory. See C(docs/databases.md).
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: Name of the inventory host., type: str, required: true}
      kind: {description: What it is., type: str, required: true, choices: [d1, postgres]}
      migrations:
        description: The tool that applies the migrations, and where they are.
        type: dict
        required: true
        suboptions:
          driver:
            description: Whose files and bookkeeping table they are.
            type: str
            required: true
            choices: [d1, plain, alembic, dbmate, golang-migrate]
          path: {description: The folder., type: path, required: true}
          table: {description: "The bookkeeping table, if it is not the tool's usual one.", type: str}
      schema_levels: {description: "Per release the last migration that it was deployed with.", type: dict, default: {}}
      schema_works_up_to: {description: "Per release the last migration that it works with.", type: dict, default: {}}
      when_unclear:
        description: What to do where only a person could decide; C(refuse) shows the choices.
        type: str
        choices: [refuse, nothing, down, rewind]
        default: refuse
      loss_allowed: {description: Rows that may be lost without asking., type: int, default: 0}
      method: {description: What a person asked for., type: str, choices: ["", nothing, down, rewind], default: ""}
      database: {description: "Name of the database at Cloudflare (D1).", type: str, default: ""}
      written_at: {description: "Per table SQL that says when a row was last written (D1).", type: dict, default: {}}
      dsn: {description: "Address and credentials (PostgreSQL).", type: str, default: ""}
      identity: {description: "name, system_identifier and host that it must have (PostgreSQL).", type: dict, default: {}}
      backups:
        description: Where backups are, and how they are made (PostgreSQL).
        type: dict
        default: {}
        suboptions:
          folder: {description: The folder., type: path}
          max_age: {description: Seconds that a backup may be old., type: float, default: 86400}
          format:
            description: One file, or a folder to which several tables are dumped at once.
            type: str
            choices: [custom, directory]
            default: custom
          jobs:
            description: Tables that are restored at once, and with the format C(directory) dumped at once.
            type: int
            default: 2
      checks:
        description: What is checked beyond what every database is checked for (PostgreSQL).
        type: dict
        default: {}
        suboptions:
          audit: {description: "Table, and its number and time columns, of the audit trail.", type: dict}
          sentinel: {description: A query and the value that it must give., type: dict}
          queries: {description: Queries whose mean time is measured., type: list, elements: str}
          limit_ms: {description: The mean that they may take., type: float, default: 100}
          sql: {description: Folder with SQL checks of one's own., type: path}
      maintenance: {description: "Another database of the server, from which this one is renamed.", type: str, default: postgres}
      direct: {description: "Whether a proxy in between keeps one session per connection.", type: bool, default: false}
      tools: {description: "Folder of pg_dump and pg_restore, if they are not on the PATH.", type: str, default: ""}
"""

    # For a module that works without databases too.
    DATABASES_OPTIONAL = DATABASES.replace("required: true", "default: []", 1)

    LEDGER = r"""
options:
  ledger:
    description: Where the ledger of the environment is kept, as C(roles/preflight) gives it. See C(docs/ledger.md).
    type: dict
    required: true
    suboptions:
      backend:
        description: What keeps it. With C(none) there is no ledger and no lock, for an emergency.
        type: str
        required: true
        choices: [directory, kv, git, none]
      path: {description: "The folder (C(directory)).", type: path}
      namespace: {description: "Id of the KV namespace (C(kv)).", type: str}
      prefix: {description: "What the keys of this environment begin with (C(kv)).", type: str}
      repository: {description: "Address of the repository (C(git)).", type: str}
      branch: {description: "The branch (C(git)).", type: str, default: knowngood-ledger}
      folder: {description: "Folder of this environment on the branch (C(git)).", type: str}
  operator:
    description: "Who gives the command, for the ledger; empty for C(user@host) of this machine."
    type: str
    default: ""
"""

    NAMES = r"""
options:
  names:
    description: The names of the group C(dns), as C(roles/recovery) gathers them from the inventory. See C(docs/dns.md).
    type: list
    elements: dict
    required: true
    suboptions:
      component: {description: Name of the inventory host., type: str, required: true}
      zone: {description: "The zone, by its name.", type: str, required: true}
      name: {description: "The name in it, in full.", type: str, required: true}
      records:
        description: >-
          The records that the name has on a normal day, each with C(type), C(content), and if need be C(ttl) in seconds,
          C(proxied), C(priority). Of the types A, AAAA and CNAME it has these and no others.
        type: list
        elements: dict
        default: []
      failover: {description: The records that it has after a failover., type: list, elements: dict, default: []}
      authority:
        description: Addresses of its name servers (C(192.0.2.1), C(192.0.2.1:53)); empty to ask the resolvers for them.
        type: list
        elements: str
        default: []
      resolvers: {description: Addresses of resolvers to ask., type: list, elements: str, default: []}
"""

    MAINTENANCE = r"""
options:
  maintenance:
    description: The page that is shown when the application is away, as C(roles/recovery) gathers it. See C(docs/recovery.md).
    type: dict
    default: {}
    suboptions:
      worker: {description: A Worker that answers with it., type: str, default: ""}
      hosts: {description: The names that the Worker is put on., type: list, elements: str, default: []}
      records: {description: Per host of the group C(dns) the records that lead to the page., type: dict, default: {}}
      names: {description: Those names with the records as their failover., type: list, elements: dict, default: []}
      url: {description: Where the page can be tried., type: str, default: ""}
"""

    # For what goes on only while the run holds the lock of the environment, or without a ledger.
    LOCKED = LEDGER.replace("required: true", "required: false", 1)

    DRILLED = r"""
options:
  environment_class: {description: "What the environment is: C(production), C(staging) or C(local).", type: str, default: ""}
  drills: {description: "Whether and how it is drilled, see C(docs/drills.md).", type: dict, default: {}}
  inventories: {description: "Folder of all inventories, which say what is production.", type: path, required: true}
  inventory_dir: {description: Folder of the inventory that is drilled., type: path, required: true}
  left_out:
    description: Components that are not in this run; a drill is of the whole set.
    type: list
    elements: str
    default: []
  third_parties:
    description: Services of others that are observed too.
    type: list
    elements: dict
    default: []
  folder: {description: Folder of the scenarios., type: path, required: true}
  scenarios: {description: "C(all), a tag such as C(short), or names with commas in between.", type: str, default: short}
"""

    PROBING = r"""
options:
  probing:
    description: How to ask the components for their health.
    type: dict
    required: true
    suboptions:
      connect_to: {description: "C(host:port) to connect to, whatever the name is.", type: str, default: ""}
      ca_file: {description: "File with the certificates to trust, instead of the system's.", type: str, default: ""}
      timeout: {description: Seconds to wait for one answer., type: float, default: 10}
      seconds: {description: Seconds to keep asking a component that fails., type: float, required: true}
      max_skew: {description: Seconds by which a timestamp may be off., type: float, default: 60}
      slow: {description: Seconds that an answer may take., type: float, default: 2}
      tls_margin: {description: Days that a certificate must still be valid., type: float, default: 14}
"""

    THIRD_PARTIES = r"""
options:
  third_parties:
    description: Services of others, whose failure no rollback would help against.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: What a person calls it., type: str, required: true}
      health: {description: "A health contract, see C(docs/inventory.md).", type: dict, required: true}
"""

    EVIDENCE = r"""
options:
  trigger:
    description: What made somebody roll back, which says what is asked for evidence. See C(docs/triggers.md).
    type: str
    choices: [person, deploy, health, performance, errors, database, payments, security]
    default: person
  probing:
    description: How to ask for evidence.
    type: dict
    default: {seconds: 2}
    suboptions:
      connect_to: {description: "C(host:port) to connect to, whatever the name is.", type: str, default: ""}
      ca_file: {description: "File with the certificates to trust, instead of the system's.", type: str, default: ""}
      timeout: {description: Seconds to wait for one answer., type: float, default: 10}
      seconds: {description: Seconds after which who did not answer could not be asked., type: float, required: true}
      max_skew: {description: Seconds by which a timestamp may be off., type: float, default: 60}
      slow: {description: Seconds that an answer may take., type: float, default: 2}
      tls_margin: {description: Days that a certificate must still be valid., type: float, default: 14}
"""

    MOVES = r"""
options:
  moves: {description: The moves that M(release_plan) returned., type: list, elements: dict, required: true}
  message: {description: What the deployment says of itself at Cloudflare., type: str, required: true}
  accept_secret_change:
    description: >-
      Go on although a secret was changed after the target was made. The target brings the old value back.
    type: bool
    default: false
"""

    SIGNALS = r"""
options:
  signals:
    description: What the filter C(declared_signals) makes of the inventory's C(signals) (docs/signals.md).
    type: dict
    default: {}
    suboptions:
      sources:
        description: Who is asked, each with its threshold.
        type: list
        elements: dict
        default: []
        suboptions:
          adapter: {description: The kind of service., type: str, required: true, choices: [cloudflare, prometheus, loki, sentry, json]}
          check: {description: What the check is called., type: str, required: true}
          name: {description: Name of the source., type: str, default: ""}
          component: {description: The component that it is about; empty for the environment., type: str, default: ""}
          url: {description: Where it answers., type: str, default: ""}
          token: {description: Sent as bearer token., type: str, default: ""}
          headers: {description: Sent with each question., type: dict, default: {}}
          query: {description: "The query, with C($window), C($from) and C($to) for the time.", type: str, default: ""}
          value: {description: JMESPath expression for the number in an answer of JSON., type: str, default: ""}
          organization: {description: Sentry's name of the organization., type: str, default: ""}
          project: {description: Ids of Sentry's projects., type: list, elements: str, default: []}
          environment: {description: Sentry's name of the environment., type: str, default: ""}
          by: {description: "What Sentry counts apart, C(release) for instance.", type: str, default: ""}
          max: {description: The most that passes., type: float}
          min: {description: The least that passes., type: float}
          min_requests: {description: Below so many requests Cloudflare's analytics say nothing., type: int, default: 100}
      problems: {description: What is wrong with the declaration., type: list, elements: str, default: []}
"""
