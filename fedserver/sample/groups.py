"""The groups of the sample community, and what is said in them. Times are hours before now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fedserver.sample.script import Entry, Picture, Poll


@dataclass(frozen=True, slots=True)
class Group:
    """A made-up group. `charter` is Markdown, `staff` are moderators beside the owner, `asking` wait to be let in (with what
    they answer)."""

    name: str
    title: str
    kind: str
    owner: str
    charter: str
    access: str = "public"
    join_mode: str = "open"
    question: str = ""
    rules: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    asking: tuple[tuple[str, str], ...] = ()
    pinned: tuple[str, ...] = ()  # keys of entries
    locked: tuple[str, ...] = ()
    answers: tuple[tuple[str, str], ...] = ()  # (question, its answer)


GROUPS: Final = (
    Group(
        "teaching_help",
        "Teaching: ask anything",
        "help",
        "maren",
        "For every question about teaching and training, above all for those that seem too small to ask.\n\n"
        "Whoever asks marks the answer that helped, so that the next person finds it. Nobody here was born knowing how to "
        "share a screen.",
        rules=(
            "There are no silly questions.",
            "Say what you have tried already.",
            "Mark the answer that helped you.",
        ),
        topics=("lessondesign", "online", "assessment", "a11y"),
        staff=("ines",),
        members=("noor", "rafael", "amara", "kwame", "yuki", "elena", "piotr", "tobias"),
        pinned=("how-to-ask",),
        answers=(("twice", "twice-b"), ("silence", "silence-c")),
    ),
    Group(
        "forum",
        "Trainers’ forum",
        "forum",
        "tobias",
        "The place where we talk about our work: what went well, what fell apart, what you read, what you would like to try. "
        "Long answers are welcome, and so is a single line.\n\n## What belongs elsewhere\n\nQuestions with an answer go to "
        "*Teaching: ask anything*, where the answer can be marked and found again.",
        rules=(
            "Write as if the other one sat beside you.",
            "Pictures have descriptions.",
            "What is told in confidence stays here.",
        ),
        topics=("practice", "reading", "community", "tools"),
        staff=("maren",),
        members=("ines", "kwame", "yuki", "leila", "rafael", "sofie", "amara", "piotr", "noor", "elena"),
        pinned=("opening",),
        locked=("venue",),
    ),
    Group(
        "core_team",
        "Core team",
        "working-group",
        "maren",
        "Where those who keep the network going plan the next half year. Minutes, money, and who has a holiday when.",
        access="private",
        join_mode="invite",
        topics=("minutes", "money"),
        staff=("sofie",),
        members=("kwame", "amara", "tobias"),
    ),
)

ENTRIES: Final = (
    # -- Teaching: ask anything
    Entry(
        "how-to-ask", "maren", 700,
        "1. Say what you want to do.\n2. Say what you have tried.\n3. Say what happened instead.\n\nThat is all. If you do not "
        "know the right word for something, describe it: somebody here knows the word.",
        title="How to ask so that you get an answer", group="teaching_help", markdown=True, liked_by=("ines", "noor"),
    ),
    Entry(
        "twice", "noor", 190,
        "I planned ninety minutes for one exercise, and after ninety minutes half of the room was at step three of seven. How do "
        "you estimate how long an exercise takes?\n\nThis is what I had planned:\n\n| Step | Planned | Really |\n|---|---:|---:|\n"
        "| Read the task | 5 min | 15 min |\n| Open the data | 10 min | 30 min |\n| First plot | 25 min | 45 min |\n"
        "| The other four | 50 min | – |",
        title="How do you estimate how long an exercise takes?", group="teaching_help", topics=("lessondesign",), markdown=True,
        pictures=(Picture("bars", "Two bars of almost equal height: what I planned and what the room managed in the first hour."),),
        liked_by=("ines", "rafael", "kwame"),
    ),
    Entry("twice-a", "rafael", 189, "Do it yourself with a stopwatch, then multiply by three. Not by two.", answers="twice", liked_by=("noor",)),
    Entry(
        "twice-b", "ines", 187.5,
        "Three numbers, written down before the course:\n\n* **yours**: how long it takes you, with a stopwatch;\n* **theirs**: yours "
        "times three, for people who see it for the first time;\n* **the end**: the minute at which you stop, wherever they are.\n\n"
        "Then write the exercise so that stopping after step three is already a success. What comes after is for those who are "
        "quick.",
        answers="twice", markdown=True, liked_by=("noor", "rafael", "maren", "kwame", "amara", "yuki"),
    ),
    Entry("twice-c", "noor", 186, "“Wherever they are” is the part I was missing. Thank you!", answers="twice-b", liked_by=("ines",)),
    Entry("twice-d", "yuki", 185, "And have the data open before they arrive. Those thirty minutes were not about plotting.", answers="twice-b", liked_by=("noor", "ines")),
    Entry(
        "silence", "elena", 120,
        "I ask a question into the room, and it stays silent. In person I can wait. Online I panic after four seconds. What do you do?",
        title="What do you do about silence in online sessions?", group="teaching_help", topics=("online",), markdown=True,
        liked_by=("sofie", "noor"),
    ),
    Entry("silence-a", "leila", 119, "Count to eleven. Aloud, if you must, with a smile.", answers="silence", liked_by=("elena", "tobias")),
    Entry("silence-b", "kwame", 118.5, "Ask for one word in the chat instead. Nobody is afraid of one word.", answers="silence", liked_by=("elena",)),
    Entry(
        "silence-c", "amara", 118,
        "Say what you are waiting for: “I will now be quiet for one minute, and then I would like to hear from two of you. You may type.” "
        "It helps those who need captions or a second to unmute, and it takes the panic away from you.",
        answers="silence", liked_by=("elena", "maren", "kwame", "noor"),
    ),
    Entry(
        "grading", "piotr", 26,
        "We are asked to grade data management plans, twenty of them, with two people. Does anybody have a rubric that two people "
        "apply in the same way?",
        title="A rubric for data management plans?", group="teaching_help", topics=("assessment",), markdown=True,
    ),
    # -- Trainers' forum
    Entry(
        "opening", "tobias", 640,
        "Tell us what you teach, to whom, and one thing that you would never give up. I begin: writing, to researchers, and the ten "
        "minutes at the end in which nobody may say “just”.",
        title="Who is here?", group="forum", topics=("community",), markdown=True, liked_by=("maren", "leila"),
    ),
    Entry("opening-a", "leila", 636, "Talking, to people who would rather write. I would never give up the warm-up, however much they groan.", answers="opening"),
    Entry("opening-b", "rafael", 630, "Statistics, to everybody who was told they cannot do it. The raw data, always first.", answers="opening", liked_by=("ines",)),
    Entry(
        "venue", "sofie", 400,
        "The room in Lisbon is booked, so this is settled. Thank you for forty opinions on radiators.",
        title="Where do we meet next year?", group="forum", topics=("community",), markdown=True, liked_by=("ines",),
    ),
    Entry("venue-a", "ines", 399, "There will be pastries. That was never in question.", answers="venue", liked_by=("sofie", "leila")),
    Entry(
        "cameras", "sofie", 72,
        "Our members asked us to stop asking for cameras. The arguments were good: bandwidth, tiredness, a living room that is "
        "nobody’s business. And yet I teach worse when I see nobody.\n\nHow do you do it? I would like to hear from people who "
        "have tried more than one way, and from those who sit on the other side.",
        title="Cameras on, cameras off, and what we really want to know", group="forum", topics=("practice", "community"),
        markdown=True, liked_by=("maren", "amara", "elena", "kwame"),
    ),
    Entry("cam-1", "amara", 71.5, "We say “cameras are welcome and never needed” in the invitation, in the first minute, and then never again. What I want to know is whether they follow, and there are better ways to find out than faces.", answers="cameras", liked_by=("sofie", "maren", "noor")),
    Entry("cam-2", "sofie", 71.2, "Which ones?", answers="cam-1"),
    Entry(
        "cam-3", "amara", 71,
        "1. A shared page in which everybody types at the same time. You see the typing.\n2. A thumb in the chat after each step, asked for in the same words each time.\n3. Pairs. Two people talk even if thirty are silent.",
        answers="cam-2", markdown=True, liked_by=("sofie", "ines", "rafael", "kwame"),
    ),
    Entry("cam-4", "rafael", 70.5, "The shared page changed my courses. I see who is stuck before they do.", answers="cam-3", liked_by=("amara",)),
    Entry("cam-5", "yuki", 70.2, "It also works for those whose connection drops: the page is there when they come back.", answers="cam-4", liked_by=("amara", "noor")),
    Entry("cam-6", "ines", 70, "And afterwards it is the minutes. I have not written minutes for two years.", answers="cam-5", liked_by=("yuki", "maren")),
    Entry("cam-7", "leila", 69, "From the theatre side: I do ask for cameras, for exactly one exercise, and say so a week before. People dress for it. One of them wore a crown.", answers="cameras", liked_by=("tobias", "elena", "sofie")),
    Entry("cam-8", "tobias", 68.5, "I was the one with the crown.", answers="cam-7", liked_by=("leila", "maren", "noor", "elena", "sofie")),
    Entry("cam-9", "kwame", 68, "In the mentoring calls cameras are on, because there are two people and they have met. In the cohort calls they are off. It is not the camera, it is the number of people who look at you.", answers="cameras", liked_by=("elena", "sofie", "amara")),
    Entry("cam-10", "elena", 67.5, "That is what my interviews say, too. Nobody minded being seen by one person. Everybody minded being seen by thirty whom they could not see.", answers="cam-9", liked_by=("kwame", "maren")),
    Entry("cam-11", "sofie", 67, "“Seen by thirty whom they could not see” goes straight into our guidelines. May I quote you?", answers="cam-10"),
    Entry("cam-12", "elena", 66.8, "With pleasure, and with the caveat that it was eleven interviews.", answers="cam-11", liked_by=("sofie",)),
    Entry("cam-13", "piotr", 66, "We measured something, by accident: in the weeks in which we did not mention cameras, four of twenty were on. When we asked for them, six. Two people, and half of the chat was about it.", answers="cameras", liked_by=("rafael", "yuki", "sofie")),
    Entry("cam-14", "rafael", 65.8, "n = 20, one course, no control. I love it anyway.", answers="cam-13", liked_by=("piotr",)),
    Entry("cam-15", "noor", 64, "As somebody who was a participant last year: I turned mine off because of the mirror. I do not want to watch myself learn. Then somebody showed me how to hide my own picture, and now mine is on.", answers="cameras", liked_by=("sofie", "leila", "amara", "maren", "kwame", "ines")),
    Entry("cam-16", "maren", 63, "I have never thought of the mirror. Does everybody know that it can be hidden?", answers="cam-15"),
    Entry("cam-17", "noor", 62.5, "Nobody does. It is three clicks deep.", answers="cam-16", liked_by=("maren",)),
    Entry("cam-18", "amara", 62, "I will put a picture of it into the first-minute slide. Thank you, Noor.", answers="cam-17", liked_by=("noor", "sofie")),
    Entry("cam-19", "tobias", 50, "May I turn the question round: when do *you* turn yours off? I noticed that I do it when I read out something difficult.", answers="cameras", markdown=True, liked_by=("elena",)),
    Entry("cam-20", "ines", 49, "When the neighbour’s cat comes in. So, daily.", answers="cam-19", liked_by=("tobias", "yuki", "noor")),
    Entry("cam-21", "leila", 48.5, "When somebody cries. I say so, and leave the sound on.", answers="cam-19", liked_by=("tobias", "maren", "elena")),
    Entry("cam-22", "kwame", 30, "I tried Amara’s three ways in yesterday’s call. The typing page was quiet for two minutes, and then everybody typed at once. I could have wept.", answers="cam-3", liked_by=("amara", "sofie")),
    Entry("cam-23", "amara", 29.5, "Two minutes is normal. They read what the others write, and only then believe that it is safe.", answers="cam-22", liked_by=("kwame",)),
    Entry("cam-24", "sofie", 10, "I have collected all of this into one page for our community, with your names where you said I may. Comments until Friday, and then we try it for a month.", answers="cameras", liked_by=("maren", "amara", "kwame", "elena")),
    Entry("cam-25", "elena", 8, "And I will ask them afterwards what changed. Three questions, promised.", answers="cam-24", liked_by=("sofie",)),
    Entry(
        "book", "yuki", 20,
        "I look for one book about documentation that I can give to a research group which has none at all. Not a reference, something "
        "that one reads on a train. What did you give away last?",
        title="A book about documentation for people who have none", group="forum", topics=("reading",), markdown=True,
        liked_by=("piotr",),
    ),
    Entry("book-a", "piotr", 19, "I give away my own checklist, because it is one page. Books about documentation are never read by those who need them.", answers="book", liked_by=("yuki",)),
    Entry(
        "call-day", "maren", 5,
        "The monthly call has been on Tuesdays for two years. Half of you have a seminar then. One vote each, please, and I will live "
        "with what comes out.",
        title="Which day for the monthly call?", group="forum", topics=("community",), markdown=True,
        poll=Poll(("Tuesday, as always", "Wednesday", "Thursday"), {"ines": 1, "kwame": 2, "sofie": 1, "noor": 1, "tobias": 0}, 96),
    ),
    # -- Core team
    Entry(
        "minutes", "maren", 98,
        "**Present:** Maren, Sofie, Kwame, Amara, Tobias\n\n| What | Who | Until |\n|---|---|---|\n| Budget for Lisbon | Sofie | 12th |\n"
        "| Call for cohort 6 | Kwame | 20th |\n| Captions for the recordings | Amara | always |\n\nNext call: in two weeks, same time.",
        title="Minutes of the call", group="core_team", topics=("minutes",), markdown=True, liked_by=("sofie", "kwame"),
    ),
    Entry("minutes-a", "sofie", 90, "The budget will be two days late: the room wants a deposit, and I am arguing.", answers="minutes", liked_by=("maren",)),
    Entry("minutes-b", "maren", 89, "Argue in my name if it helps.", answers="minutes-a", liked_by=("sofie",)),
    Entry(
        "stipends", "kwame", 16,
        "We have money for three travel stipends and eleven requests. I would rather decide by a rule than by who writes the best letter. "
        "Proposal: those who have never been, first; then by lot.",
        title="Three stipends, eleven requests", group="core_team", topics=("money",), markdown=True, liked_by=("amara",),
    ),
    Entry("stipends-a", "amara", 15, "Yes to both, and let us say the rule before the next call opens, not after.", answers="stipends", liked_by=("kwame", "maren")),
)  # fmt: skip
