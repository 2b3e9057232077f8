"""Answers of the same content in three forms: as prose, as a list, and padded with words that say nothing.

Nobody can prefer one for what it says, so a judge that prefers one prefers a form. All texts are our own.
"""

from srlm.data.human_ranking import HumanRanking
from srlm.records import Prompt, RankedSet, Response

PADDING = (
    "This is a good question, and there is much that could be said about it.",
    "As always, it is worth taking a moment to think the matter through with care.",
    "I hope that this answer is helpful and gives you a good idea of the matter.",
)

CONTENT = (
    (
        "How do I keep cut flowers fresh for longer?",
        "Trim the stems at an angle before they go into the vase.",
        "Change the water every two days.",
        "Keep the vase out of direct sun and away from ripe fruit.",
    ),
    (
        "Why do cities get hotter than the countryside around them?",
        "Asphalt and concrete take up heat by day and give it back at night.",
        "There are fewer plants, whose evaporation would cool the air.",
        "Traffic, engines and buildings add waste heat of their own.",
    ),
    (
        "What should I check before I buy a used bicycle?",
        "Look for cracks in the frame, above all near the welds.",
        "Spin both wheels and see whether they run true.",
        "Try the brakes and every gear on a short ride.",
    ),
    (
        "How can I read more books this year?",
        "Set aside the same twenty minutes every day.",
        "Keep a book in your bag for waiting times.",
        "Put down a book that you do not enjoy.",
    ),
    (
        "Why did the Roman Republic end?",
        "Armies came to owe their loyalty to generals instead of the state.",
        "The gap between rich and poor made reform violent.",
        "Civil wars left Octavian without a rival.",
    ),
    (
        "What makes bread dough rise?",
        "Yeast eats sugars in the flour and gives off carbon dioxide.",
        "Gluten forms a net that holds the gas.",
        "Warmth speeds the yeast up, until the oven ends its work.",
    ),
    (
        "How do noise-cancelling headphones work?",
        "A microphone picks up the sound around you.",
        "A circuit computes the same wave turned upside down.",
        "The speaker plays it, and the two waves cancel each other.",
    ),
    (
        "What is a good way to prepare for a job interview?",
        "Read what the company does and what the job asks for.",
        "Practise telling three stories about your own work.",
        "Write down two questions that you want to ask.",
    ),
)


def sets() -> list[HumanRanking]:
    """A set a question: prose, list and padded prose, all of equal rank."""
    rankings = []
    for asked, *points in CONTENT:
        prompt = Prompt.of(asked, "controlled")
        forms = (
            " ".join(points),
            "\n".join(f"- **{point}**" for point in points),
            " ".join([PADDING[0], PADDING[1], *points, PADDING[2]]),
        )
        responses = tuple(Response.of(prompt.id, text, "controlled", draw) for draw, text in enumerate(forms))
        rankings.append(HumanRanking(ranked=RankedSet.of(prompt, responses, (0, 0, 0)), group=prompt.id))
    return rankings
