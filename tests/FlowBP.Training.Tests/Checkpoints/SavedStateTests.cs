using FlowBP.Training.Alignment;
using FlowBP.Training.Checkpoints;
using FlowBP.Training.Devices;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests.Checkpoints;

/// <summary>What is saved is the state of one moment, though training goes on meanwhile.</summary>
public sealed class SavedStateTests : ResumableRunTests
{
    [TestCase("lora_rank", "2")]
    [TestCase("compute_dtype", "bfloat16")]
    public void What_is_saved_is_what_was_when_saving_began(string name, string value)
    {
        var config = Config("run", (name, value), ("hinge_lambda", "10"));
        string[] prompts = ["a photo of a red circle"];
        using var model = config.Model.Open(ComputeDevice.Cpu, prompts, null, config.Training);
        using var reward = RewardFolder.Load(config.Judges.RewardFolder);
        using var trainer = new AlignmentTrainer(config, model, reward, prompts);
        using var output = new OutputFolder(config.OutputDir, overwrite: false);
        var identity = new RunIdentity(config, "cpu", new Dictionary<string, string>());
        List<string> notices = [];
        using var checkpoints = new RunCheckpoints(identity, model, trainer, output, null, notices.Add);
        trainer.Step(0);
        var saved = Numbers();
        // Averages take the weights' places in an evaluation, and a checkpoint may fall into one.
        using (trainer.Averaged())
        {
            checkpoints.Save();
        }
        trainer.Step(1);
        var later = Numbers();
        checkpoints.Finish();
        using var stored = StoredCheckpoint.Open(Folder.Of("run/checkpoints/checkpoint-1"));
        stored.RestoreInto(trainer.Optimizer);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(notices, Is.Empty);
            Assert.That(later, Is.Not.EqualTo(saved));
            Assert.That(Numbers(), Is.EqualTo(saved));
            Assert.That(trainer.Optimizer.Steps, Is.EqualTo(1));
        }

        double[] Numbers() =>
            [
                .. trainer.Optimizer.State.SelectMany(state =>
                    TrainingState.Of(state).SelectMany(each => TensorValues.Numbers(each.Tensor)).Append(state.Steps)
                ),
            ];
    }

    [Test]
    public void One_piece_of_work_is_done_at_a_time_beside_the_rest()
    {
        var work = new BackgroundWork();
        using var go = new ManualResetEventSlim();
        Assert.That(work.Finish(), Is.EqualTo((false, (Exception?)null)));
        work.Begin(go.Wait);
        Assert.That(() => work.Begin(() => { }), Throws.InvalidOperationException);
        go.Set();
        Assert.That(work.Finish(), Is.EqualTo((true, (Exception?)null)));
        var failure = new IOException("No space left on device");
        work.Begin(() => throw failure);
        Assert.That(work.Finish(), Is.EqualTo((true, (Exception?)failure)));
    }
}
