"""What leaves a run: a model as any library loads it, with its card, and its records as data sets.

sources.py   the finished step that is exported, and that its files are what they were
place.py     a folder that appears whole, and replaces nothing but an earlier export of the same model
clean.py     no path of this machine, no name of its user and no key in what is given away
model.py     weights, configuration and tokenizer; adapter.py as a LoRA adapter of M0
facts.py     what the records say of a model; figures.py what was measured of it; card.py says it in words
dataset.py   pairs, demonstrations and judgements as TRL reads them
hub.py       a folder to the Hub; gguf.py a folder through llama.cpp's converter
"""
