"""What the model must not be used for."""

from __future__ import annotations

from training.model.personperiods import SUPPORT
from training.report.blocks import Section, bullets, paragraph
from training.report.findings import Findings
from training.report.markup import join
from training.report.voice import Voice


def write(findings: Findings, say: Voice) -> Section:
    """What the figures above do not cover."""
    manifest = findings.manifest
    horizon, supported = say.span(manifest.horizons[0]), manifest.supported_periods
    items = [
        say(
            "Only those who were sold to are in the book. How leads would have done that past reps turned away, nobody knows; "
            "the model says least about leads unlike any customer.",
            "台帳にあるのは成約した顧客だけです。過去に営業が見送った見込み客がどうなったかは誰にもわからず、既存顧客と異なる"
            "見込み客ほど予測はあてになりません。",
        ),
        say(
            "Every sign-up must be in the book, those who left early above all. A book of customers alive since some date "
            "understates early churn two- to fivefold, unless it says when each came under observation.",
            "台帳には、早期に解約した人を含むすべての契約者が必要です。ある日付の時点で継続中の顧客だけの台帳では、観察開始時点を"
            "指定しないかぎり、早期解約を2分の1から5分の1に過小評価します。",
        ),
        say(
            f"Up to {say.at(supported)} at least {SUPPORT} customers were observed. Beyond it the last rates are carried on, which is "
            f"extrapolation; the lifetime value counts {say.span(manifest.periods)}.",
            f"{say.at(supported)}までは{SUPPORT}人以上の顧客が観察されています。その先は最後の率をそのまま延長した外挿です。予測LTVは"
            f"{say.span(manifest.periods)}を対象とします。",
        ),
        say(
            "A number outside the range seen in training, an unknown category and missing facts are named in every answer; "
            "on no evidence nobody is to be turned away.",
            "学習時の範囲外の数値、未知のカテゴリー、不足している情報は、判定のたびに明示されます。根拠のないまま見送ってはいけません。",
        ),
        say(
            f"A risk of 80% within {horizon} still means that one in five stays. It speaks of groups, not of what one person "
            "will do, and is no ground for credit, employment, insurance or anything but the choice of whom to sell to.",
            f"{horizon}以内のリスクが80%でも、5人に1人は続きます。これは集団についての確率で、個人の行動を言い当てるものでは"
            "ありません。与信、採用、保険など、営業先の選択以外に使ってはいけません。",
        ),
        say(
            "The effects are associations. Changing a feature, such as giving a discount, need not change the churn.",
            "効果は関連を示すにすぎません。値引きなど、特徴量を変えても解約が変わるとは限りません。",
        ),
        say(
            f"It holds as long as customers, product and price stay as they were. Compare what it promised with what came true "
            f"once leads have been with you for {horizon}, and fit again at least once a year.",
            f"顧客層、製品、価格が変わらないことが前提です。見込み客が契約して{horizon}たったら予測と実績を比べ、少なくとも年に1回は"
            "学習し直してください。",
        ),
    ]
    if manifest.other_exits:
        items.append(
            say(
                "The risk is of churn alone. Customers who leave for another reason count as no longer observed from then on; "
                "the money takes all exits into account.",
                "リスクは解約だけを対象とします。ほかの理由で離れた顧客は、その時点で観察終了とみなします。採算の計算には、"
                "すべての離脱を含めています。",
            )
        )
    if findings.evaluation.split != "sign-up time":
        items.append(
            say(
                "The test mixes old customers and new ones, since the book tells no dates of sign-up, or too few. How well the "
                "model does on those who sign up next year may differ.",
                "台帳に契約日がない、または期間が短いため、検証では新旧の顧客が混ざっています。来年契約する顧客への当てはまりは"
                "異なる可能性があります。",
            )
        )
    body = join(
        [
            paragraph(say("Read this before turning anybody away.", "見込み客を見送る前にお読みください。")),
            bullets(items),
        ]
    )
    return Section("limits", say("What must it not be used for?", "使ってはいけないこと・限界"), body)
