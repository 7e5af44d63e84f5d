"""The shipped texts, Jinja2: the first line is the subject, what follows the empty line is the text.

A text exists for each audience that hears of something; there is none where it does not. ``docs/notifications.md``
lists the variables. Texts for users wait for the approval of a named role.
"""

from __future__ import annotations

from .template_parts import AGAIN, NEXT, SUPPORT, WHO, completed

__all__ = ["HTML", "TEMPLATES"]

_TEXTS = {
    "opened.responders": """\
{{ environment }}: incident {{ severity }}, a rollback has begun

{{ environment }} is going back to a release that is known to be good. This needs nobody as long as it goes well.

"""
    + WHO,
    "opened.stakeholders": """\
{{ environment }}: a fault is being dealt with

We noticed a fault in {{ environment }} and are taking it back to an earlier version that worked.
The next message says when that is done, or that it takes a different turn.
{% if detected %}

Noticed at {{ detected }} (UTC).
{% endif %}
""",
    "mitigating.responders": """\
{{ environment }}: going to {{ release or "the target" }}{% if live_release %}, from {{ live_release }}{% endif %}


The target is chosen, and its plan stored ({{ hash }}){% if why %}: {{ why }}{% endif %}.
{% if left_out %}
Not part of this run: {{ left_out | join(", ") }}.
{% endif %}
""",
    "mitigating.stakeholders": """\
{{ environment }}: the way back is known

{{ environment }} is now being taken back{% if release %} to {{ release }}{% endif %}, a version that worked before.
""",
    "switched.responders": """\
{{ environment }}: {{ release or "the target" }} serves, and is being checked

{{ moved }} of {{ components }} components moved\
{% if elapsed %}, {{ "%.1f" | format(elapsed) }} s after the command{% endif %}.
It is not proved yet that they work: the next message says so.
""",
    "resolved.responders": """\
{{ environment }}: resolved, {{ release }} serves and works

{{ message }}
{{ details_block }}
Look after it for a while, and repair what was rolled back before deploys go on.
""",
    "resolved.stakeholders": """\
{{ environment }}: resolved

{{ environment }} is back on {{ release }}, a version that worked before, and everything that is checked works.
What was new since then is not there for now. A report follows.
""",
    "resolved.users": """\
The disturbance is over

Our service was disturbed, and works again{% if detected %} (it began about {{ detected }} UTC){% endif %}.
We are sorry for the trouble.
""",
    "in_part.responders": """\
{{ environment }}: rolled back in part, without {{ left_out | join(", ") }}

{{ message }}
What was moved works. The set is incomplete, so the incident stays open.
{{ details_block }}
"""
    + NEXT,
    "in_part.stakeholders": """\
{{ environment }}: repaired in part

A part of {{ environment }} is back on a version that worked before; the rest is still being dealt with.
""",
    "done.responders": """\
{{ environment }}: done

{{ message }}
{{ details_block }}
"""
    + NEXT,
    "refused.responders": """\
{{ environment }}: REFUSED, nothing was changed

{{ message }}
{{ details_block }}
A person has to decide: what served before still serves.
"""
    + NEXT
    + SUPPORT,
    "refused.stakeholders": """\
{{ environment }}: the fault is still there

The automatic way back could not be taken, and nothing was changed. People are working on it.
""",
    "partial.responders": f"""\
{{{{ environment }}}}: FAILED, the set is mixed

{{{{ message }}}}
Some components arrived and others did not. The same command goes on from there.
{{{{ details_block }}}}
{AGAIN}
"""
    + NEXT
    + SUPPORT,
    "partial.stakeholders": """\
{{ environment }}: the repair is not complete yet

A part of {{ environment }} went back to a version that worked before, and a part did not. People are working on it.
""",
    "failed.responders": f"""\
{{{{ environment }}}}: FAILED, it is not known that anything arrived

{{{{ message }}}}
{{{{ details_block }}}}
{AGAIN}
"""
    + NEXT
    + SUPPORT,
    "failed.stakeholders": """\
{{ environment }}: the repair failed

The way back to an earlier version did not work. People have to act now.
""",
    "failed.users": """\
Our service is disturbed

Our service is disturbed, and we are working on it. We will tell you as soon as it works again.
We are sorry for the trouble.
""",
    "invalid.responders": f"""\
{{{{ environment }}}}: VALIDATION FAILED, {{{{ release }}}} serves and does not work

{{{{ message }}}}
Everything moved, but what serves now does not keep its contract.
{{{{ details_block }}}}
{AGAIN}
"""
    + NEXT
    + SUPPORT,
    "invalid.stakeholders": """\
{{ environment }}: the earlier version does not work either

{{ environment }} was taken back to {{ release }}, and it does not work as it should. People are working on it.
""",
    "not_proved.responders": """\
{{ environment }}: NOT PROVED, {{ release or "the target" }} serves

{{ message }}
Everything is where it should be, and some checks came to no verdict: somebody has to look.
{{ details_block }}
"""
    + NEXT
    + SUPPORT,
    "not_proved.stakeholders": """\
{{ environment }}: back on an earlier version, and still being checked

{{ environment }} was taken back{% if release %} to {{ release }}{% endif %}.
It is not certain yet that everything works.
""",
    "restored.responders": f"""\
{{{{ environment }}}}: NOT ROLLED BACK, the old set serves again

{{{{ message }}}}
The set did not arrive whole, so all of it was put back to what it was before the run.
{{{{ details_block }}}}
{AGAIN}
"""
    + NEXT
    + SUPPORT,
    "restored.stakeholders": """\
{{ environment }}: the fault is still there

The way back to an earlier version did not work, and was undone. People are working on it.
""",
    "declined.responders": """\
{{ environment }}: NO ROLLBACK, going back would not help

{{ message }}
{{ details_block }}
Nothing was changed. The fault is elsewhere, or a rollback was tried before: somebody has to look.
"""
    + NEXT,
    "declined.stakeholders": """\
{{ environment }}: an earlier version would not help

We looked whether an earlier version of {{ environment }} would help, and it would not. People are working on it.
""",
    "cancelled.responders": """\
{{ environment }}: the rollback was CANCELLED

{{ message }}
What served before still serves.
"""
    + NEXT,
    "cancelled.stakeholders": """\
{{ environment }}: the way back to an earlier version was not taken

The way back was stopped before anything was changed. People are working on it.
""",
    "broke_off.responders": f"""\
{{{{ environment }}}}: the run BROKE OFF

The command ended without saying how{{% if release %}}, on the way to {{{{ release }}}}{{% endif %}}:
it was killed, or Ansible itself failed.
Some components may have moved, and others not. The same command goes on from there.
{AGAIN}
""",
    "broke_off.stakeholders": """\
{{ environment }}: the repair broke off

The way back to an earlier version broke off. People have to take it up again.
""",
    "data_loss.responders": """\
{{ environment }}: data of {{ database }} is lost

{% for line in losses %}
{{ line }}
{% endfor %}
{% if kept %}
The rows are kept, on the machine that ran the rollback, in:
{% for path in kept %}
{{ path }}
{% endfor %}
{% else %}
They are not kept.
{% endif %}
""",
    "data_loss.stakeholders": """\
{{ environment }}: data was lost

Going back also took back data of {{ database }}:
{% for line in losses %}
{{ line }}
{% endfor %}
""",
    "frozen.responders": """\
{{ environment }}: deploys are frozen

What was rolled back from must not come back by itself, so deploys are held off\
{% if paused %}, and automatic ones of {{ paused | join(", ") }} are paused{% endif %}.

What to do next, when the repair is ready: ansible-playbook unfreeze.yml -i {{ environment }}
""",
    "acknowledged.responders": """\
{{ environment }}: {{ by }} has taken it on

Nobody else is called for this run.
""",
    "escalation.responders": """\
{{ environment }}: {{ contact.name }}, you are called ({{ contact.role }})

{{ contact.name }} ({{ contact.role }}), please take on incident {{ incident }}: {{ because }}.

"""
    + WHO
    + """
When you have: ansible-playbook notify.yml -i {{ environment }} -e acknowledge='{{ contact.name }}'
""",
}
TEMPLATES = completed(_TEXTS)

HTML = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ subject }}</title></head>
<body style="margin:0;padding:16px;font:15px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff">
<div style="max-width:640px;margin:auto;border-left:4px solid {{ colour }};padding-left:16px">
<h1 style="font-size:19px;line-height:1.3;margin:0 0 12px">{{ subject }}</h1>
{% for part in parts %}
{% if part.even %}
<pre style="font:13px/1.4 ui-monospace,monospace;overflow-x:auto;background:#f5f5f5;padding:8px">{{ part.text }}</pre>
{% else %}
<p style="margin:0 0 12px;white-space:pre-line">{{ part.text }}</p>
{% endif %}
{% endfor %}
<p style="margin:16px 0 0;color:#666;font-size:13px">Incident {{ incident }}, {{ severity }}, {{ time }}</p>
</div></body></html>
"""
