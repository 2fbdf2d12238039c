package main

// recipe is a model and how it is played and measured.
type recipe struct {
	model string
	flags []string
	// tasks is what the names of its held-out files end in.
	tasks string
	// seeds bounds the runs of each arm; 0 does not.
	seeds int
}

var (
	starter = recipe{model: "starter", flags: []string{"--config", "configs/starter.yaml", "--set", "threads=1", "--set", "held_out.every=30"}}
	// What shows no more than a direction has fewer seeds.
	starterOnce, starterTwice = starter.withSeeds(1), starter.withSeeds(2)
	smollm2                   = recipe{
		model: "third_party/build/smollm2", seeds: 1, tasks: "-trivial",
		flags: []string{"--config", "configs/quickstart.yaml", "--set", "steps=120", "--set", "held_out.every=30", "--set", "held_out.max_tokens=64", "--set", "held_out.refuse_from=1"},
	}
)

func (r recipe) withSeeds(n int) recipe {
	r.seeds = n
	return r
}

// experiment is a base and arms that are compared with it and with each other.
type experiment struct {
	name string
	recipe
	// beside is an experiment whose base and self-play, and also some other arms, are shown with these.
	beside string
	also   []string
	// base makes the model that the arms begin with by more supervised learning; nil takes the model itself.
	base []string
	// set holds for all arms.
	set  []string
	arms []arm
}

// arm is one row of the report. Exactly one of its kinds is set; a base that is merely scored has none.
type arm struct {
	name string
	says string
	// play are settings of self-play.
	play []string
	// teach are settings of more supervised learning, as long as self-play took.
	teach []string
	// score are settings of the scoring.
	score []string
}

// selfPlay is the arm that others are compared with.
const selfPlay = "self-play"

// The experiments and their arms in the order of the report.
var experiments = []experiment{
	{
		name: "growth", recipe: starter,
		arms: []arm{
			{name: "base", says: "no update"},
			{name: "base, forced trace", says: "no update; each answer is made to begin with a trace", score: []string{"environment.force_trace=true"}},
			{name: selfPlay, says: "the recipe of configs/starter.yaml", play: []string{}},
			{name: "supervised", says: "the bootstrap goes on, on its own programs, for the CPU time of self-play", teach: []string{}},
			{name: "shuffled rewards", says: "each group's rewards dealt out again at random", play: []string{"controls.shuffle_rewards=true"}},
			{name: "frozen proposer", says: "the base proposes throughout", play: []string{"controls.frozen=propose"}},
			{name: "frozen solver", says: "the base solves throughout, the proposer learns; what is measured is the model that proposes", play: []string{"controls.frozen=solve"}},
		},
	},
	{
		name: "ablations", recipe: starterOnce, beside: "growth",
		arms: []arm{
			{name: "no replay", says: "no own right answers again", play: []string{"trainer.replay.count=0"}},
			{name: "no average", says: "the last weights instead of their average", play: []string{"trainer.average_decay=0"}},
			{name: "negatives kept", says: "wrong answers push away", play: []string{"trainer.positives_only=false"}},
			{name: "AdamW", says: "AdamW instead of Muon", play: []string{"trainer.optimizer=adamw"}},
			{name: "no growth of the size", says: "the size asked for stays at the bootstrap's", play: []string{"game.size.grow=false"}},
			{name: "paper's whitening", says: "one baseline per role and type", play: []string{"trainer.algorithm=trr++", "trainer.positives_only=false"}},
		},
	},
	{
		name: "types", recipe: starterTwice, beside: "growth", also: []string{"supervised"},
		arms: []arm{
			{name: "all three types", says: "32 proposals of each type a step instead of 64 of deduction", play: []string{"game.task_types=[deduction,abduction,induction]", "game.batch_size=32"}},
		},
	},
	{
		name: "elicitation", recipe: starter,
		base: []string{"corpus.steps=300", "corpus.direct=0.3", "corpus.direct_from=252", "corpus.direct_last=0.9", "trainer.decay_from=100", "trainer.decay_to=300"},
		set:  []string{"game.size.grow=false", "steps=10", "trainer.learning_rate=6.0e-4", "trainer.muon_learning_rate=0.004", "trainer.average_decay=0"},
		arms: []arm{
			{name: "base", says: "nine of ten answers come without a trace"},
			{name: "forced trace", says: "the base, made to begin its answer with a trace", score: []string{"environment.force_trace=true"}},
			{name: selfPlay, says: "ten steps", play: []string{}},
			{name: "shuffled rewards", says: "each group's rewards dealt out again at random", play: []string{"controls.shuffle_rewards=true"}},
		},
	},
	{
		name: "smollm2", recipe: smollm2,
		arms: []arm{
			{name: "base", says: "no update"},
			{name: selfPlay, says: "120 steps of configs/quickstart.yaml", play: []string{}},
		},
	},
}

// longer are the parts of the held-out files with programs longer than any in the bootstrap.
var longer = []string{"deduction 4", "deduction 5", "deduction 6"}
