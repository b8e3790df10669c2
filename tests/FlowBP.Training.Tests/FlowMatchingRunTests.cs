using System.Text.Json;
using FlowBP.Pictures;

namespace FlowBP.Training.Tests;

/// <summary>A whole run with the flow-matching loss: what it records, and what it refuses before it leaves anything.</summary>
public class FlowMatchingRunTests : ShortRunTests
{
    private const string Held = "a photo of a blue square";

    [Test]
    public void A_run_records_the_loss_and_notices_captions_that_it_is_judged_by()
    {
        Data(32, Held);
        var report = Align([.. Given, ("flow_matching_weight", "2"), ("flow_matching_data", Folder.Of("data"))]);
        var recorded = Metrics().GetProperty("flow_matching_loss").GetDouble();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(recorded, Is.EqualTo(report.Surrogate.FlowMatchingLoss));
            Assert.That(recorded, Is.GreaterThan(0));
            Assert.That(report.SecondsByPart.Keys, Does.Contain("flow_matching"));
            Assert.That(Notices, Has.Some.Contains("flow_matching_data").And.Some.Contains(Held));
        }
    }

    [Test]
    public void A_run_without_it_records_none()
    {
        Align(Given);
        Assert.That(Metrics().TryGetProperty("flow_matching_loss", out _), Is.False);
    }

    [Test]
    public void Pictures_of_another_size_end_a_run_before_it_leaves_anything()
    {
        Data(48, "a photo of a red circle");
        Assert.That(
            () => Align([.. Given, ("flow_matching_weight", "2"), ("flow_matching_data", Folder.Of("data"))]),
            Throws.TypeOf<InvalidDataException>().With.Message.Contains("48 × 48").And.Message.Contains("32 × 32")
        );
        Assert.That(Directory.Exists(Folder.Of("run")), Is.False);
    }

    private (string, string)[] Given => [("eval_prompts", Folder.Write("held.txt", Held + "\n"))];

    private void Data(int side, string caption)
    {
        Folder.Write("data/1.txt", caption);
        PictureFile.Save(Folder.Of("data", "1.png"), new RgbImage(side, side));
    }

    private JsonElement Metrics()
    {
        using var line = JsonDocument.Parse(File.ReadAllLines(Folder.Of("run", "metrics.jsonl"))[^1]);
        return line.RootElement.Clone();
    }
}
