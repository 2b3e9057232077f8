"""Everyday words, in two parts for good: those of training, and those that only what models are measured on uses."""

_TRAINING = """
apple bread butter milk egg rice salt sugar tea coffee juice pie honey bean corn onion tomato carrot pear grape orange
nut oil cup plate fork knife pan bottle box bag bucket table bed desk lamp window wall floor stairs kitchen garden
house shelf mirror curtain carpet pillow soap brush shirt coat shoe boot glove belt skirt ring pocket dog cat cow
sheep goat duck hen rabbit fox lion tiger bird frog snake bee eagle whale tree flower leaf river lake beach hill
forest field sand rain wind cloud moon star ice car train boat plane bike road street ticket map engine book pencil
paper page school teacher nurse farmer driver sailor king child ball toy doll drum piano violin song picture camera
phone key rope hammer ladder needle thread gift market shop church castle park city hand arm leg nose mouth finger
morning winter spring almond bacon biscuit bun burger candy caramel cereal chili chocolate cider cocoa coconut cookie
cracker cream curry dough dumpling fig flour fudge garlic ginger ham jelly ketchup lentil lettuce lime mango meat
melon mint muffin mushroom mustard noodle oat olive omelette pancake pasta pea peanut pickle pizza popcorn porridge
pudding pumpkin radish raisin salad salmon sandwich sauce sausage spinach squash steak stew strawberry syrup toast
tuna turkey turnip vanilla vinegar waffle walnut wheat yogurt apron armchair attic balcony barrel basement bathtub
bench blender blind broom brick candlestick ceiling cellar chimney closet corridor couch cradle cupboard cushion
dishes drawer driveway dustpan fence fireplace flask freezer furnace garage gate hallway heater hook hose iron jar jug
kettle lantern ladle lid mat mattress mug napkin oven pantry porch quilt rack rake razor rug sheet shovel shower sink
sofa sponge stool stove straw teapot toaster tray vacuum vase wardrobe bandage belly beard blood bone brain breath
cheek chest chin elbow forehead heel hip jaw knee lip lung muscle neck palm rib shoulder skin skull stomach thumb toe
tongue waist wrist actor artist author barber builder butcher captain carpenter cashier clerk coach cook cousin dancer
dentist detective editor engineer fisherman gardener giant guard guest guide hero hunter judge knight lawyer lady
mayor mechanic merchant miner musician neighbor nephew niece nun officer painter pilot pirate plumber poet porter
priest prince princess professor pupil reporter scientist sheriff singer soldier student surgeon tailor thief tourist
uncle waiter wizard writer alligator ape badger bat beaver beetle bison buffalo bull butterfly calf camel canary
cheetah chicken cobra crab cricket crow deer dolphin donkey dove dragon eel elephant falcon fawn ferret flamingo flea
fly gazelle giraffe gorilla hamster hare hawk hedgehog heron hippo hornet jaguar kangaroo kitten koala lamb leopard
lizard lobster mole moose mosquito moth mule octopus ostrich otter ox oyster panda panther parrot peacock pelican
penguin pigeon pony puppy python raccoon rat raven reindeer rhino robin rooster scorpion seal shrimp skunk sloth slug
snail sparrow squirrel stork swan toad tortoise trout turtle viper vulture walrus wasp weasel worm zebra acorn bark
bay bush canyon cave cliff cloth coast coral creek crystal desert dew dirt dune dust earthquake fern flame flood fog
frost fur geyser glacier hail harbor hurricane iceberg ivy jungle lava lightning log marsh meadow mist moss mud nest
oak ocean pebble petal pine planet pond puddle rainbow reef rock root rose seed shadow shell shore smoke soil spark
steam stem stream swamp thorn thunder tide tulip twig valley volcano waterfall wave weed willow wood airport alley
ambulance anchor arrow atlas avenue axe badge bakery balloon banner bar barn battery bell bicycle binder blade board
boots bow bracelet bullet cabin cable cage calendar canal canoe canvas card carriage cart cash cathedral chain chalk
chess chimes cinema circus clay clinic coal collar college compass concert cork cottage court crane crayon crown cube
curb dam dart desktop diamond diary dice dinner dome drill elevator envelope eraser factory fan feather ferry film
flag flute folder fountain frame funnel garment glue goal gold golf hammock handle harp helicopter helmet highway
hospital hotel hut ink jacket jeans jet jewel journal judo kayak kennel keyboard label lace laptop lawn leather
library lighter lighthouse locket magazine magnet mall marble mask match medal menu meter microphone microscope mill
mine missile mitten mop motor mural museum necklace net newspaper notebook novel nylon oar office orchestra organ
outfit paddle painting palace parade parcel passport path pearl pedal perfume photo pipe plug pocketbook podium poem
pole pool poster prison prize pump puppet purse puzzle pyramid quarry raft rail ramp receipt recipe restaurant ribbon
rifle robot rocket rod roller sail sandal saw scarf scissors scooter score screen screw shed shield silk silver skate
sled slipper socket spade spear speaker stadium stage stamp statue sticker stick stopwatch string suit suitcase
sweater swing sword tape target taxi telescope temple tent theater tie tile tire tool torch track tractor trailer
trophy trumpet trunk tube tunnel turtleneck umbrella uniform van veil vest wagon wallet watch whip whistle wig wire
wool yacht yard zipper zoo anger beauty birth chance danger dream duty energy fact fear fun hope idea joke joy lesson
luck magic memory noise peace pride promise secret shape sleep smile sound speed story taste thought truth voice war
wish work world youth april june monday friday sunday week year hour minute month night noon midnight today yesterday
century holiday birthday wedding party
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
