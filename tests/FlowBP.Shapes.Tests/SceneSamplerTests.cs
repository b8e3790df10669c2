namespace FlowBP.Shapes.Tests;

public sealed class SceneSamplerTests
{
    private static readonly HashSet<Prompt> s_all = [.. PromptSets.Of(PromptSplit.All).SelectMany(p => p.Wordings)];

    [Test]
    public void A_sampled_scene_satisfies_its_prompt() =>
        Draws.ForAll(
            (seed) =>
            {
                (_, var prompt, var scene) = Draws.Sample(seed);
                Assert.That(PromptRules.Judge(prompt, scene), Is.EqualTo(Verdict.Pass));
                Assert.That(PromptRules.Matches(prompt, scene), Is.True);
            }
        );

    [Test]
    public void Objects_lie_within_the_picture_apart_from_each_other() =>
        Draws.ForAll(
            (seed) =>
            {
                var scene = Draws.Sample(seed).Scene;
                for (var i = 0; i < scene.Objects.Length; i++)
                {
                    Assert.That(scene.Objects[i].Radius, Is.InRange(3.8f, 7f));
                    Assert.That(scene.Objects[i].Margin, Is.GreaterThanOrEqualTo(-1e-4));
                    for (var j = 0; j < i; j++)
                    {
                        Assert.That(scene.Objects[i].GapTo(scene.Objects[j]), Is.GreaterThan(1.5));
                    }
                }
            }
        );

    [Test]
    public void Objects_come_in_the_order_of_the_prompt() =>
        Draws.ForAll(
            (seed) =>
            {
                (_, var prompt, var scene) = Draws.Sample(seed);
                ObjectPhrase[] phrases = [prompt.First, prompt.Second ?? prompt.First];
                for (var i = 0; i < scene.Objects.Length; i++)
                {
                    var thing = scene.Objects[i];
                    Assert.That(phrases[Math.Min(i, 1)].Describes(thing.Shape, thing.Colour), Is.True);
                }
            }
        );

    [Test]
    public void Backgrounds_are_far_from_any_object_s_saturation() =>
        Draws.ForAll(
            (seed) =>
            {
                var ground = Draws.Sample(seed).Scene.Background;
                Assert.That(ground.From.SaturationValue.Saturation, Is.LessThan(0.11));
                Assert.That(ground.To.SaturationValue.Saturation, Is.LessThan(0.11));
            }
        );

    [Test]
    public void An_edited_scene_violates_the_prompt_and_keeps_the_world_s_rules() =>
        Draws.ForAll(
            (seed) =>
            {
                (var stream, var prompt, var scene) = Draws.Sample(seed);
                (var edited, var edit) = SceneEdits.Violate(stream, prompt, scene);
                Assert.That(PromptRules.Judge(prompt, edited).Correct, Is.False, edit.ToString());
                Assert.That(edited.Background, Is.EqualTo(scene.Background));
                var changed = edited.Objects.Except(scene.Objects).Count();
                Assert.That(
                    changed,
                    Is.LessThanOrEqualTo(edit is SceneEdit.SwapPlaces or SceneEdit.SwapColours ? 2 : 1)
                );
                Assert.That(
                    Math.Abs(edited.Objects.Length - scene.Objects.Length),
                    Is.EqualTo(edit == SceneEdit.ChangeCount ? 1 : 0)
                );
                for (var i = 0; i < edited.Objects.Length; i++)
                {
                    Assert.That(edited.Objects[i].Margin, Is.GreaterThanOrEqualTo(-1e-4));
                    for (var j = 0; j < i; j++)
                    {
                        Assert.That(edited.Objects[i].GapTo(edited.Objects[j]), Is.GreaterThan(1.5));
                    }
                }
            }
        );

    [Test]
    public void An_edited_prompt_is_of_this_world_and_violated_by_the_scene() =>
        Draws.ForAll(
            (seed) =>
            {
                (var stream, var prompt, var scene) = Draws.Sample(seed);
                var edited = PromptEdits.Violate(stream, prompt, scene);
                Assert.That(PromptRules.Judge(edited, scene).Correct, Is.False, edited.Text);
                Assert.That(s_all.Contains(edited), Is.True, edited.Text);
            }
        );

    [Test]
    public void Judging_and_matching_agree() =>
        Draws.ForAll(
            (promptSeed, sceneSeed) =>
            {
                var prompt = Draws.Sample(promptSeed).Prompt;
                var scene = Draws.Sample(sceneSeed).Scene;
                Assert.That(PromptRules.Matches(prompt, scene), Is.EqualTo(PromptRules.Judge(prompt, scene).Correct));
                Assert.That(
                    PromptRules.Matches(prompt.Canonical, scene),
                    Is.EqualTo(PromptRules.Matches(prompt, scene))
                );
            }
        );

    [Test]
    public void Every_edit_occurs_and_relations_are_mostly_flipped()
    {
        var edits = new Dictionary<SceneEdit, int>();
        var positions = 0;
        var flipped = 0;
        for (var seed = 0; seed < 2000; seed++)
        {
            (var stream, var prompt, var scene) = Draws.Sample(seed);
            var edit = SceneEdits.Violate(stream, prompt, scene).Edit;
            edits[edit] = edits.GetValueOrDefault(edit) + 1;
            positions += prompt.Task == GenEvalTask.Position ? 1 : 0;
            flipped += prompt.Task == GenEvalTask.Position && edit == SceneEdit.SwapPlaces ? 1 : 0;
        }
        Assert.That(edits.Keys, Is.EquivalentTo(Enum.GetValues<SceneEdit>()));
        Assert.That((double)flipped / positions, Is.GreaterThan(0.5));
    }

    [Test]
    public void A_scene_that_is_already_wrong_can_t_be_made_wrong()
    {
        (var stream, _, var scene) = Draws.Sample(1);
        var other = Prompt.Several(scene.Objects.Length == 4 ? 3 : 4, new(ShapeKind.Circle));
        Assert.That(
            () => SceneEdits.Violate(stream, other, scene),
            Throws.ArgumentException.With.Message.Contains("already violates")
        );
        Assert.That(() => PromptEdits.Violate(stream, other, scene), Throws.ArgumentException);
    }
}
