"""Everyday words, in two parts for good: those of training, and those that only what models are measured on uses."""

_TRAINING = """
apple bread butter milk egg rice salt sugar tea coffee juice pie honey bean corn onion tomato carrot pear grape
orange nut oil cup plate fork knife pan bottle box bag bucket table bed desk lamp window wall floor stairs kitchen
garden house shelf mirror curtain carpet pillow soap brush shirt coat shoe boot glove belt skirt ring pocket dog cat
cow sheep goat duck hen rabbit fox lion tiger bird frog snake bee eagle whale tree flower leaf river lake beach hill
forest field sand rain wind cloud moon star ice car train boat plane bike road street ticket map engine book pencil
paper page school teacher nurse farmer driver sailor king child ball toy doll drum piano violin song picture camera
phone key rope hammer ladder needle thread gift market shop church castle park city hand arm leg nose mouth finger
morning winter spring
"""
_HELDOUT = """
cheese soup water cake jam potato lemon peach plum cherry banana pepper bowl spoon pot glass basket chair door roof
room clock blanket towel comb hat sock dress button horse pig goose mouse wolf bear monkey fish spider ant owl shark
grass sea mountain stone snow storm sun sky fire bus ship truck bridge station wheel pen letter ruler doctor baker
queen friend game kite guitar music dance paint radio computer lock nail candle coin money bank tower farm village
island foot head ear eye tooth hair evening summer autumn
"""
TRAINING = tuple(_TRAINING.split())
HELDOUT = tuple(_HELDOUT.split())
