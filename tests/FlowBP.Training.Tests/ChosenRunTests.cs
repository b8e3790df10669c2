using System.Text.Json;

namespace FlowBP.Training.Tests;

/// <summary>What a run keeps, as files: what a judge chose, or what the alarm went back to.</summary>
public sealed class ChosenRunTests : ShortRunTests
{
    // Far too large a rate: whoever judges, the model is worse after a step.
    private static readonly (string, string)[] s_ruin = [("learning_rate", "0.3"), ("max_train_steps", "3")];

    private static readonly (string, string)[] s_choice = [("select_images_per_prompt", "1"), ("device", "cpu")];

    [TestCase("rollback", 0, 1)]
    [TestCase("stop", 1, 1)]
    [TestCase("warn", 3, 3)]
    public void An_alarm_ends_a_run_with_what_it_names(string response, int kept, int steps)
    {
        Align([.. s_ruin, .. s_choice, ("on_hacking", response), ("hacking_interval", "1")]);
        var summary = Summary();
        var outcome = summary.GetProperty("hacking");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(outcome.GetProperty("tripped_at").GetInt32(), Is.EqualTo(1));
            Assert.That(outcome.GetProperty("best_step").GetInt32(), Is.Zero);
            Assert.That(outcome.GetProperty("kept_step").GetInt32(), Is.EqualTo(kept));
            Assert.That(summary.GetProperty("steps").GetInt32(), Is.EqualTo(steps));
            Assert.That(File.ReadLines(Folder.Of("run/hacking.jsonl")).Count(), Is.EqualTo(steps + 1));
            Assert.That(Notices, Has.Some.Contains("judged worse than step 0"));
        }
        var stored = Painted(Choice(("model", Folder.Of("run/model"))));
        var start = Painted(Choice());
        Assert.That(stored, kept == 0 ? Is.EqualTo(start) : Is.Not.EqualTo(start));
    }

    [Test]
    public void The_weakest_strength_of_a_ruined_model_is_chosen_and_stored()
    {
        Align([
            .. s_ruin,
            .. s_choice,
            ("select", "heldout"),
            ("select_strengths", "1e-3,1"),
            ("checkpointing_steps", "2"),
        ]);
        var selection = Summary().GetProperty("selection");
        var kept = selection.GetProperty("kept");
        var candidates = selection.GetProperty("candidates").EnumerateArray().ToArray();
        using (Assert.EnterMultipleScope())
        {
            // Steps 2 and 3, at two strengths each.
            Assert.That(candidates, Has.Length.EqualTo(4));
            Assert.That(kept.GetProperty("strength").GetDouble(), Is.EqualTo(1e-3));
            Assert.That(
                kept.GetProperty("score").GetDouble(),
                Is.EqualTo(candidates.Max(candidate => candidate.GetProperty("score").GetDouble()))
            );
            Assert.That(selection.GetProperty("metric").GetString(), Is.EqualTo("heldout_reward"));
        }
        var step = kept.GetProperty("step").GetInt32();
        var trained = step == 3 ? "run/model" : "run/checkpoints/checkpoint-2";
        Assert.That(
            Painted(Choice(("model", Folder.Of("run/selected")))),
            Is.EqualTo(
                    Painted(Choice(("model", Folder.Of(trained)), ("strength", "1e-3"), ("strength_base", "embedded")))
                )
                .Within(1e-6)
        );
    }

    [TestCase("select", "rules", "select_prompts")]
    [TestCase("on_hacking", "warn", "hacking_judge")]
    public void A_choice_without_a_judge_is_refused_before_anything_is_written(string name, string value, string named)
    {
        File.WriteAllText(Folder.Of("other.txt"), "an astronaut on the moon\n");
        (string, string)[] judge = name == "select" ? [] : [("hacking_judge", "rules")];
        Assert.That(
            () => Align([(name, value), ("select_prompts", Folder.Of("other.txt")), .. judge]),
            Throws.InstanceOf<ConfigurationException>().With.Message.Contains(named)
        );
        Assert.That(Directory.Exists(Folder.Of("run")), Is.False);
    }

    [Test]
    public void Prompts_of_choices_that_are_also_measured_on_are_named()
    {
        File.WriteAllText(Folder.Of("prompts.txt"), "a photo of a red circle\na photo of a blue square\n");
        Align([
            ("select", "heldout"),
            ("select_strengths", "1"),
            .. s_choice,
            ("select_prompts", Folder.Of("prompts.txt")),
            ("eval_prompts", Folder.Of("prompts.txt")),
        ]);
        Assert.That(Notices, Has.Some.Contains("evaluation prompts and those of select_prompts overlap"));
    }

    private JsonElement Summary() => JsonDocument.Parse(File.ReadAllText(Folder.Of("run/summary.json"))).RootElement;
}
