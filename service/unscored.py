"""The answer to a prospect who must not be scored."""

from __future__ import annotations

from models.assess import Assessor
from service import texts
from service.answers import About, Answer, model_of
from service.bars import Bar


def not_scored(assessor: Assessor, why: Bar, about: About) -> Answer:
    """The answer where `why` stands against scoring: no number, nothing that was sent, and nothing against going on."""
    return Answer(
        prospect_id=about.prospect_id,
        decision_id=about.decision_id,
        scored_at=about.scored_at,
        risk=None,
        value=None,
        ltv_minus=None,
        cause=None,
        action="proceed",
        rule=None,
        capped=False,
        reasons=[],
        title=texts.title(why, about.style.lang),
        message=texts.not_scored(why, about.style.lang),
        missing=[],
        unknown=[],
        out_of_range=[],
        features_as_of=None,
        degraded=False,
        degraded_because=None,
        not_scored_because=why,
        model=model_of(assessor),
    )
