"""The faults of `mutants.py` in the rules that make the methods beside the loop what they are.

The gate's run is the loop's and does not come to most of them: they are for the unit tests. A name begins with its
method, so that `--only cream` takes that method's.
"""

from faults import Fault

METHODS = "tests/srlm/methods"
OFFLINE = f"{METHODS}/test_offline.py"
OFFLINE_RUNS = f"{METHODS}/test_offline_runs.py"
EVALUATORS = f"{METHODS}/test_evaluators.py"
ONLINE = f"{METHODS}/test_online_methods.py"
STEPS = f"{METHODS}/test_methods.py"
META = ("tests/srlm/judge/test_elo.py", "tests/srlm/judge/test_meta_pairs.py")
RLOO = ("tests/srlm/training/test_online.py", "-k", "rloo_compares or rloo_takes or draws_answers")
PAIR_LOSS = ("tests/srlm/training/test_pair_loss.py",)

METHOD_FAULTS = (
    # meta_rewarding
    Fault(
        "meta_rewarding: the weights of the two places are exchanged",
        "srlm/judge/elo.py",
        "Weights(second_wins / wins, first_wins / wins)",
        "Weights(first_wins / wins, second_wins / wins)",
        tests=META,
    ),
    Fault(
        "meta_rewarding: a win weighs the same in either place",
        "srlm/judge/elo.py",
        "            won[second, first] += weights.second\n",
        "            won[second, first] += weights.first\n",
        tests=META,
    ),
    Fault(
        "meta_rewarding: judgements are compared in one order only",
        "srlm/judge/meta_pairs.py",
        "                yield Match(contest, second, first)\n",
        "",
        tests=META,
    ),
    Fault(
        "meta_rewarding: the answer is contested on which the judgements agree most",
        "srlm/judge/meta_pairs.py",
        "response = max(judged, key=",
        "response = min(judged, key=",
        tests=META,
    ),
    Fault(
        "meta_rewarding: pairs of judgements are made and not trained on",
        "srlm/methods/meta_rewarding.py",
        "Paired([*chosen.pairs, *judged.pairs],",
        "Paired(chosen.pairs,",
        tests=(f"{METHODS}/test_meta_rewarding.py", "-k", "both_kinds_of_pair"),
    ),
    # self_rewarding_rl
    Fault(
        "self_rewarding_rl: M_t judges where the model in training was to",
        "srlm/methods/sampled.py",
        'if settings.online.judge == "policy" and',
        'if settings.online.judge == "parent" and',
        tests=(f"{METHODS}/test_sampled.py", "-k", "model_in_training_judges"),
    ),
    Fault(
        "self_rewarding_rl: an answer without a score is rewarded with 0",
        "srlm/training/online.py",
        "numbers = [self.scorer.rewards(self.state.global_step, every, engine)]",
        "numbers = [[one or 0.0 for one in self.scorer.rewards(self.state.global_step, every, engine)]]",
        tests=RLOO,
    ),
    Fault(
        "self_rewarding_rl: every step samples from the seed of the first",
        "srlm/training/online.py",
        'seed_for(self.own_seed, "answers", *self._turn())',
        'seed_for(self.own_seed, "answers", 0, self.accelerator.process_index)',
        tests=RLOO,
    ),
    # rlhf
    Fault(
        "rlhf: the reward model learns to prefer what people ranked lower",
        "srlm/training/reward_model.py",
        "for both in [(pair.chosen, pair.rejected)]",
        "for both in [(pair.rejected, pair.chosen)]",
        tests=("tests/srlm/training/test_reward_model.py",),
    ),
    Fault(
        "rlhf: a tie of people gives a pair",
        "srlm/methods/stages_online.py",
        "if high < low and better.text",
        "if high <= low and better.text",
        tests=("tests/srlm/training/test_reward_model.py",),
    ),
    Fault(
        "rlhf: the KL divergence is missing",
        "srlm/training/online.py",
        '        "beta": settings.beta,\n',
        '        "beta": 0.0,\n',
        tests=RLOO,
    ),
    Fault(
        "rlhf: the KL divergence is from M_t where it should be from M1",
        "srlm/methods/stages_online.py",
        'return model if settings.reference == "parent" else run.model(start.FIRST)',
        "return model",
        tests=(ONLINE, "-k", "divergence"),
    ),
    # self_taught_evaluator
    Fault(
        "self_taught_evaluator: A and B are not balanced",
        "srlm/judge/balanced.py",
        "    surplus = abs(ahead)\n",
        "    surplus = 0\n",
        tests=("tests/srlm/judge/test_balanced.py",),
    ),
    Fault(
        "self_taught_evaluator: whatever prefers the place shown first is right",
        "srlm/judge/balanced.py",
        "wanted = 1.0 if one.first_id == better[one.prompt_id] else 0.0",
        "wanted = 1.0",
        tests=("tests/srlm/judge/test_balanced.py",),
    ),
    Fault(
        "self_taught_evaluator: the worse answer is one to the prompt as it was",
        "srlm/methods/self_taught_evaluator.py",
        "instead = [other for _, other in asked if other is not None]",
        "instead = [prompt for prompt, other in asked if other is not None]",
        tests=(EVALUATORS, "-k", "the_worse_answer"),
    ),
    Fault(
        "self_taught_evaluator: a round goes on from the model before, not from the base",
        "srlm/methods/self_taught_evaluator.py",
        'Step(name=f"M{t}", parent=base, role="iteration", number=t)',
        'Step(name=f"M{t}", parent=f"M{t - 1}", role="iteration", number=t)',
        tests=(STEPS, "-k", "comes_from_m0"),
    ),
    # rest
    Fault(
        "rest: the threshold does not rise",
        "srlm/methods/rest.py",
        "tau = own.thresholds[number]",
        "tau = own.thresholds[0]",
        tests=(OFFLINE,),
    ),
    Fault(
        "rest: the model that answers is its own reward",
        "srlm/methods/rest.py",
        "model, judge = run.previous_model(step), run.model(start.FIRST)",
        "model, judge = run.previous_model(step), run.previous_model(step)",
        tests=(OFFLINE_RUNS, "-k", "rest_grows"),
    ),
    Fault(
        "rest: every Improve step begins at M_t, not at the step before",
        "srlm/methods/rest.py",
        "                parent = step.name\n",
        "",
        tests=(OFFLINE,),
    ),
    # constitutional
    Fault(
        "constitutional: a choice is labelled by one order only",
        "srlm/judge/choices.py",
        "both = [chance_of_first(opinion) for opinion in (choice.shown, choice.turned)]",
        "both = [chance_of_first(opinion) for opinion in (choice.shown, choice.shown)]",
        tests=("tests/srlm/judge/test_choices.py",),
    ),
    Fault(
        "constitutional: every round begins with the first answer",
        "srlm/judge/revision.py",
        "texts[row] = texts[row] if made.text is None else made.text",
        "texts[row] = one.response.text",
        tests=("tests/srlm/judge/test_revision.py",),
    ),
    Fault(
        "constitutional: the first revision is trained on, not the last",
        "srlm/judge/revision.py",
        "sorted(revisions, key=lambda one: one.round)",
        "sorted(revisions, key=lambda one: -one.round)",
        tests=("tests/srlm/judge/test_revision.py",),
    ),
    Fault(
        "constitutional: the less likely answer is chosen",
        "srlm/methods/constitutional.py",
        "(pair.first, pair.second) if p > 0.5 else (pair.second, pair.first)",
        "(pair.first, pair.second) if p < 0.5 else (pair.second, pair.first)",
        tests=(f"{METHODS}/test_constitutional.py", "-k", "two_by_two"),
    ),
    # rule_based_rewards
    Fault(
        "rule_based_rewards: rules are taken off helpfulness, not added",
        "srlm/rewards/rbr.py",
        "sums += weight * phi",
        "sums -= weight * phi",
        tests=(f"{METHODS}/test_rule_based_rewards.py", "-k", "total"),
    ),
    Fault(
        "rule_based_rewards: weights are fitted as if there were no helpfulness",
        "srlm/rewards/hinge.py",
        "first = linprog(cost, A_ub=against, b_ub=r - margin,",
        "first = linprog(cost, A_ub=against, b_ub=0 * r - margin,",
        tests=("tests/srlm/rewards/test_hinge.py",),
    ),
    Fault(
        "rule_based_rewards: the held-out pairs are part of the fit",
        "srlm/methods/rule_based_rewards.py",
        "rows[pair.heldout].append(",
        "rows[False].append(",
        tests=(f"{METHODS}/test_rule_based_rewards.py", "-k", "weights_follow or held_out"),
    ),
    Fault(
        "rule_based_rewards: a grade is P(yes) alone, not of yes and no",
        "srlm/judge/grades.py",
        "return Said(yes / (yes + no),",
        "return Said(yes,",
        tests=("tests/srlm/judge/test_grades.py",),
    ),
    # autorater
    Fault(
        "autorater: the verdict names the answer listed first, not the one shown first",
        "srlm/judge/rated.py",
        "difference = ranked.ranks[second] - ranked.ranks[first]",
        "difference = ranked.ranks[j] - ranked.ranks[i]",
        tests=("tests/srlm/judge/test_rated.py",),
    ),
    Fault(
        "autorater: prompts of the run's own evaluation are trained on",
        "srlm/methods/autorater.py",
        "apart = elsewhere if one.path == OWN else measured",
        "apart = elsewhere",
        tests=(f"{METHODS}/test_apart.py",),
    ),
    Fault(
        "autorater: every M_t is trained on the first portion of the mixture",
        "srlm/methods/autorater.py",
        "(step.number - 2) * number, number)",
        "0, number)",
        tests=(f"{METHODS}/test_apart.py",),
    ),
    # weak_to_strong
    Fault(
        "weak_to_strong: the ceiling's labels stand in the place of the weak model's",
        "srlm/methods/weak_to_strong.py",
        '_model(run, "weak")',
        '_model(run, "ceiling")',
        tests=(EVALUATORS, "-k", "the_gap_is_in_the_manifest"),
    ),
    Fault(
        "weak_to_strong: people's verdicts stand in the place of the weak labels",
        "srlm/methods/weak_to_strong.py",
        "labels.append((pair, one.preference if one.probability is None else one.probability))",
        "labels.append((pair, float(is_first)))",
        tests=(EVALUATORS, "-k", "weak_labels"),
    ),
    Fault(
        "weak_to_strong: the weak model labels the pairs that it was trained on",
        "srlm/methods/weak_to_strong.py",
        "order[: len(order) // 2], order[len(order) // 2 :]",
        "order[: len(order) // 2], order[: len(order) // 2]",
        tests=(EVALUATORS, "-k", "halves"),
    ),
    Fault(
        "weak_to_strong: as many predictions are hardened to 0 as the labels hold on average",
        "srlm/training/confidence.py",
        "1 - float(np.mean(labels))",
        "float(np.mean(labels))",
        tests=("tests/srlm/training/test_confidence.py",),
    ),
    Fault(
        "weak_to_strong: the gap that is left is reported as the gap recovered",
        "srlm/methods/performance_gap.py",
        "float((means[1] - means[0]) / gap)",
        "float((means[2] - means[1]) / gap)",
        tests=(f"{METHODS}/test_held_pairs.py",),
    ),
    # spin
    Fault(
        "spin: the model's own answer is chosen over the human one",
        "srlm/methods/spin.py",
        "PreferencePair.of(prompt, answer, own, WON, LOST)",
        "PreferencePair.of(prompt, own, answer, WON, LOST)",
        tests=(OFFLINE,),
    ),
    Fault(
        "spin: each iteration has the beta and the rate of the next",
        "srlm/methods/spin.py",
        "own, place = own_settings(settings, SpinSettings), step.number - 2",
        "own, place = own_settings(settings, SpinSettings), step.number - 1",
        tests=(OFFLINE,),
    ),
    Fault(
        "spin: the pairs of the iteration before are left out",
        "srlm/methods/spin.py",
        "if one.number == step.number - 1\n",
        "if one.number == step.number - 2\n",
        tests=(OFFLINE,),
    ),
    # cream
    Fault(
        "cream: 1 - C stands where C should",
        "srlm/training/dpo.py",
        "(losses + (1 - weights) * z).mean()",
        "(losses + weights * z).mean()",
        tests=PAIR_LOSS,
    ),
    Fault(
        "cream: the second term is subtracted, as in TRL's robust loss",
        "srlm/training/dpo.py",
        "(losses + (1 - weights) * z).mean()",
        "(losses - (1 - weights) * z).mean()",
        tests=PAIR_LOSS,
    ),
    Fault(
        "cream: two opposite rankings count as consistent",
        "srlm/methods/cream.py",
        "consistency=(tau + 1) / 2)",
        "consistency=(1 - tau) / 2)",
        tests=(OFFLINE,),
    ),
    Fault(
        "cream: the model before is compared with M_t, not with M0",
        "srlm/methods/cream.py",
        "before, source_before = log_ratios(older, theirs)",
        "before, source_before = log_ratios(older, mine)",
        tests=(OFFLINE_RUNS, "-k", "cream_ranks"),
    ),
    Fault(
        "cream: a pair has the mean consistency where its own prompt's was asked for",
        "srlm/methods/cream.py",
        "rates[one.prompt_id] if of_prompt else mean",
        "mean",
        tests=(OFFLINE,),
    ),
    # temporal
    Fault(
        "temporal: the rejected answer is M_t's own, not the anchor's",
        "srlm/methods/temporal.py",
        "anchors = files.read(path, Response) if path.exists() else present",
        "anchors = present",
        tests=(OFFLINE_RUNS, "-k", "temporal_takes"),
    ),
    Fault(
        "temporal: the future model's answers are never chosen",
        "srlm/methods/temporal.py",
        "pair_across(prompts, [*future, *present], anchors, reward)",
        "pair_across(prompts, present, anchors, reward)",
        tests=(OFFLINE,),
    ),
    Fault(
        "temporal: M_t+1 is trained from the future model",
        "srlm/methods/temporal.py",
        'later.append(Step(name=f"M{t}", parent=f"M{t - 1}", role="iteration", number=t))',
        'later.append(Step(name=f"M{t}", parent=f"M{t}-future", role="iteration", number=t))',
        tests=(STEPS, "-k", "comes_from"),
    ),
    # length_regularised
    Fault(
        "length_regularised: the margin favours the longer answer",
        "srlm/training/dpo.py",
        "alpha * (longer - shorter)",
        "alpha * (shorter - longer)",
        tests=PAIR_LOSS,
    ),
    Fault(
        "length_regularised: the margin does not reach the training",
        "srlm/methods/length_regularised.py",
        "preference_step(run, step, model, chosen, data, training)",
        "preference_step(run, step, model, chosen, data)",
        tests=(OFFLINE_RUNS, "-k", "length_margin_reaches"),
    ),
    # positive_sft
    Fault(
        "positive_sft: an answer with the least reward is left out",
        "srlm/methods/positive_sft.py",
        "lambda reward: reward >= least",
        "lambda reward: reward > least",
        tests=(STEPS, "-k", "least_reward"),
    ),
    Fault(
        "positive_sft: answers of the iterations before are forgotten",
        "srlm/methods/positive_sft.py",
        "[one for earlier in run.iterations_up_to(step) for one in positive_examples(run, earlier)]",
        "positive_examples(run, step)",
        tests=(STEPS, "-k", "positive_sft_from_end"),
    ),
)
