namespace FlowBP.Shapes.Tests;

public sealed class ShapesBatchTests
{
    private static readonly ShapesBatchOptions s_everything = new()
    {
        ViolatingImages = true,
        ViolatedPrompts = true,
        Augmentation = Augmentation.Strong,
    };

    [Test]
    public void The_same_address_gives_the_same_batch()
    {
        var once = ShapesBatch.Sample(3, 14, 20, s_everything);
        var again = ShapesBatch.Sample(3, 14, 20, s_everything);
        Assert.That(again.Images, Is.EqualTo(once.Images));
        Assert.That(again.ViolatingImages, Is.EqualTo(once.ViolatingImages));
        Assert.That(again.Captions, Is.EqualTo(once.Captions));
        Assert.That(again.ViolatedPrompts, Is.EqualTo(once.ViolatedPrompts));
        Assert.That(ShapesBatch.Sample(3, 15, 20).Captions, Is.Not.EqualTo(once.Captions));
        Assert.That(ShapesBatch.Sample(4, 14, 20).Captions, Is.Not.EqualTo(once.Captions));
    }

    [Test]
    public void Ranks_make_their_parts_of_the_global_batch()
    {
        var whole = ShapesBatch.Sample(5, 2, 12, s_everything);
        var part = ShapesBatch.Sample(5, 2, 4, s_everything, firstSample: 8);
        Assert.That(part.Captions, Is.EqualTo(whole.Captions[8..]));
        Assert.That(part.Images, Is.EqualTo(whole.Images[(8 * Scene.ImageLength)..]));
    }

    [Test]
    public void Options_add_without_changing_pictures_and_prompts()
    {
        var plain = ShapesBatch.Sample(6, 0, 30);
        var more = ShapesBatch.Sample(6, 0, 30, new() { ViolatingImages = true, ViolatedPrompts = true });
        Assert.That(more.Images, Is.EqualTo(plain.Images));
        Assert.That(plain.ViolatingImages, Is.Null);
        Assert.That(plain.ViolatedPrompts, Is.Null);
        Assert.That(more.ViolatingImages, Is.Not.EqualTo(plain.Images));
    }

    [Test]
    public void Pictures_are_those_of_the_scenes_and_stay_in_range()
    {
        var clean = ShapesBatch.Sample(8, 0, 4);
        Assert.That(
            clean.Images[Scene.ImageLength..(2 * Scene.ImageLength)],
            Is.EqualTo(Renderer.Render(clean.Scenes[1]))
        );
        Assert.That(ShapesBatch.Sample(8, 0, 64, s_everything).Images, Is.All.InRange(0f, 1f));
    }

    [Test]
    public void Held_out_prompts_come_only_when_asked_for()
    {
        var training = ShapesBatch.Sample(9, 0, 300);
        var heldOut = ShapesBatch.Sample(9, 0, 300, new() { Split = PromptSplit.HeldOut });
        Assert.That(training.Prompts.Any(PromptSets.IsHeldOut), Is.False);
        Assert.That(heldOut.Prompts.All(PromptSets.IsHeldOut), Is.True);
    }

    [Test]
    public void The_match_matrix_is_true_on_the_diagonal_and_false_for_violations()
    {
        var batch = ShapesBatch.Sample(10, 0, 64, s_everything);
        var own = ShapesBatch.Matches(batch.Prompts, batch.Scenes);
        var edited = ShapesBatch.Matches(batch.Prompts, batch.ViolatingScenes!);
        var negative = ShapesBatch.Matches(batch.ViolatedPrompts!, batch.Scenes);
        for (var b = 0; b < 64; b++)
        {
            Assert.That(own[b * 64 + b], Is.True);
            Assert.That(edited[b * 64 + b], Is.False);
            Assert.That(negative[b * 64 + b], Is.False);
        }
        Assert.That(own.Count(m => m), Is.GreaterThan(64), "some other picture matches by chance");
    }
}
