"""Words around a verdict in other languages than English, each list in one order: German, French, Spanish, Portuguese,
Italian, Russian, Arabic, Chinese, Japanese, Korean.

srlm.text.verdict knows English sentences. In these languages a verdict is read where it is named (`Gewinner: A`) or
marked (`[[A]]`), and words beside it that may turn it (`A, aber ...`) leave it unread. No other sentence is read.
"""

import re

NAMES = (
    r"gewinner|sieger|(?:end)?urteil|fazit|entscheidung|(?:die\s)?bessere\santwort"
    r"|gagnant|vainqueur|verdict\sfinal|décision|(?:la\s)?meilleure\sréponse"
    r"|ganador|veredicto(?:\sfinal)?|decisión(?:\sfinal)?|(?:la\s)?mejor\srespuesta"
    r"|vencedor|veredito(?:\sfinal)?|decisão|(?:a\s)?melhor\sresposta"
    r"|vincitore|verdetto(?:\sfinale)?|decisione|(?:la\s)?(?:risposta\smigliore|migliore\srisposta)"
    r"|победитель|(?:итоговый\s|окончательный\s)?вердикт|решение|лучший\sответ"  # noqa: RUF001
    r"|الفائز|الحكم(?:\sالنهائي)?|القرار|الإجابة\sالأفضل|أفضل\sإجابة"  # noqa: RUF001
    r"|(?:获胜|優勝|优胜|胜|勝)者|(?:最终|最終)?(?:裁决|裁決|判决|判決|判断|判斷|判定|结论|結論)"
    r"|(?:更好|最佳|较好)的?(?:回答|回复|答案)|(?:より良い|より優れた)(?:回答|応答)"
    r"|antwort|wahl|réponse|choix|respuesta|elección|resposta|escolha|risposta|scelta|ответ|выбор|الإجابة|الاختيار"
    r"|(?:最终|最終)?(?:答案|回答|答え|选择|選択)|답변|정답|선택"
    r"|승자|우승자|(?:최종\s?)?(?:판정|결론)|더\s나은\s(?:답변|응답)"
)
"""What names a verdict, before a colon."""
TIE = r"unentschieden|gleichstand|égalité|empate|pareggio|ничья|تعادل|平局|平手|引き?分け|무승부"

_OPEN = (
    r"wenn|falls|sofern|vielleicht|möglicherweise|wahrscheinlich|wäre|könnte"
    r"|si|peut-être|probablement|serait|pourrait|quizás?|tal\svez|probablemente|sería|podría"
    r"|(?<!per\s)se|talvez|provavelmente|seria|poderia|forse|probabilmente|sarebbe|potrebbe"
    r"|если|возможно|может|вероятно|наверное|إذا|ربما|قد"
)
_OPEN_UNSPACED = r"如果|若|除非|也许|或许|可能|もし|なら|かもしれ|おそらく|たぶん|만약|아마"
_TURNS = (
    r"oder|aber|doch|jedoch|nein|sondern|obwohl|eigentlich|moment|warte|halt"
    r"|ou|mais|non|cependant|pourtant|attend\w*|en\sfait|o|pero|no|aunque|espera|en\srealidad|sin\sembargo"
    r"|maar|ale|ama|men|mutta|dar|ali|tapi|nhưng|αλλά|όμως"
    r"|mas|não|porém|espere|ma|però|aspetta|или|но|нет|не|хотя|однако|впрочем|подожди\w*|стоп|أو|لكن|لا|بل|انتظر"
)
_BETTER = r"besser|meilleure?|mejor|melhor|migliore|лучше|лучший|أفضل"
_TURNS_UNSPACED = r"或|但|不|等|其实|然而|または|いや|しかし|でも|ただ|待|하지만|아니|또는"
TURNED = re.compile(
    rf"(?:^|.*?\b)(?:{_OPEN})\b|.*?(?:{_OPEN_UNSPACED})|[\s(,]*(?:(?:{_TURNS}|{_BETTER})\b(?!-)|(?:{_TURNS_UNSPACED}))",
    re.IGNORECASE,
)
"""Begins a remark that leaves a verdict open or turns it."""
PRAISED = re.compile(
    rf"(?P<who>[AB\ue000\ue001])(?:\s(?:\w+\s){{0,3}}(?:{_BETTER})\b"
    r"|\s?(?:的|の(?:方|ほう)が|が|は|가|이|는)?\s?(?:\w{0,3}\s)?(?:更好|更佳|较好|より?良|優れ|더))"
)
"""An answer, by its letter or its mark, that is said to be better."""
GLUED = re.compile(
    r"(?<=[\u0400-\u1fff\u3040-\ud7ff])[AB](?![A-Za-z])|(?<![A-Za-z])[AB](?=[\u0400-\u1fff\u3040-\ud7ff])"
)
"""An answer's letter within words of a script that is not Latin."""
ASPECT = r"im|bei|beim|bezüglich|hinsichtlich|für|en|pour|dans|sur|para|por|em|nel|per|по|в|في"
"""Begins a remark on one aspect."""
NEGATED = re.compile(
    r"(?:\b(?:niet|nie|inte|ikke|ei|nem|není|nije|bukan|tidak|değil|δεν|όχι|không|nicht|kein\w*|pas|no\s(?:es|gana)|não(?:\sé)?|non(?:\sè)?|не|ليس)|不是|并非|不選|不选)[\s:\"'(]*$",
    re.IGNORECASE,
)
"""Ends the words before a verdict that is denied."""
SHOWN = re.compile(
    r"\b(?:wenn|falls|beispiel\w*|exemple|ejemplo|exemplo|esempio|если|пример|например|إذا|مثال)\b|如果|例如|比如|例えば|もし",
    re.IGNORECASE,
)
"""Stands before a verdict that is tied to a condition, or shown as an example."""
SHOWN_BEHIND = re.compile(
    r"\s?\(?(?:(?:niet|nie|inte|ikke|değil|wenn|falls|oder|si|ou|o|se|если|или|إذا|أو)\b|如果|或|ではな|ではあり|じゃな|または)",
    re.IGNORECASE,
)
QUOTED = (
    r"(?:antwort|réponse|respuesta|resposta|risposta|ответ|الإجابة|回答|回复|答案|답변)[^.:\n]{0,40}"
    r"(?:sagt|schreibt|behauptet|enthält|endet|dit|écrit|affirme|contient|dice|escribe|afirma|contiene|diz|scrive"
    r"|говорит|пишет|утверждает|содержит|تقول|يقول|说|說|写|声称|包含|言|書|말)[^.:\n]{0,40}"
)
"""Before a colon: one of the answers says what follows."""
TAKEN_BACK = (
    r"(?:nein|non|нет|لا|不|いや|아니)\s?[,.!\uff0c\u3002\uff01\u3001]|(?:warte|moment\smal|korrektur|doch\slieber|attend(?:s|ez)|espera|corrección"
    r"|espere|correção|aspetta|correzione|подожди(?:те)?|поправка|исправление|انتظر|تصحيح)\b"
    r"|等等|等一下|不对|更正|待って|訂正|잠깐"
)
"""Begins a sentence that takes a verdict or a score back."""
