using System.Runtime.InteropServices;
using FlowBP.Cli.Failures;
using FlowBP.Formats;
using FlowBP.Models.Prompts;
using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Runs;

namespace FlowBP.Cli.Tests;

/// <summary>Whatever is thrown becomes one line and an exit code.</summary>
public class FailureReportTests
{
    private const int NoSpaceLeft = 28;

    private static IEnumerable<TestCaseData> Failures =>
        [
            new(new CheckpointException("m.safetensors: tensor 'a': found [2], expected [3]"), 1, "expected [3]"),
            new(new NonFiniteException("reward", 3), 1, "reward of sample 3"),
            new(new IOException("No space left on device : '/o/x'", NoSpaceLeft), 1, "the disk is full"),
            new(new UnauthorizedAccessException("Access to the path '/o' is denied."), 1, "permissions"),
            new(new FileNotFoundException("no prompt file p.txt"), 1, "no prompt file p.txt"),
            new(new InvalidDataException("p.txt, line 2 is empty"), 1, "line 2 is empty"),
            new(new OutOfMemoryException(), 1, "out of memory"),
            new(new ExternalException("DefaultCPUAllocator: can't allocate memory: you tried"), 1, "out of memory"),
            new(new ExternalException("CUDA out of memory. Tried to allocate 2.00 GiB\n at c10"), 1, "vjp_batch_size"),
            new(
                new InterruptedRunException(new OperationCanceledException(), 2, "run/checkpoints/step-000002-stopped"),
                130,
                "the weights after 2 steps are in run/checkpoints/step-000002-stopped"
            ),
            new(
                new InterruptedRunException(new NonFiniteException("reward", 3), 1, "run/model"),
                1,
                "the weights after 1 step are in run/model"
            ),
            new(
                new SuspendedRunException(2, "run/checkpoints/checkpoint-2"),
                75,
                "goes on from run/checkpoints/checkpoint-2"
            ),
            new(new SuspendedRunException(0, null), 75, "before its first step"),
            new(new DllNotFoundException("libflowbp.so was not found.\n  /a: not there"), 1, "/a: not there"),
            new(new UsageException("seed must be an integer ≥ 0, got 'x'"), 2, "got 'x'"),
            new(new OperationCanceledException(), 130, "stopped"),
            new(new ArithmeticException("training step 2: reward of sample 3"), 1, "training step 2: reward"),
            new(new DivideByZeroException("oops"), 1, "DivideByZeroException: oops"),
            new(new InvalidOperationException("surprise"), 1, "InvalidOperationException: surprise"),
        ];

    [TestCaseSource(nameof(Failures))]
    public void Every_failure_is_one_line_that_says_what_happened(Exception exception, int code, string part)
    {
        var report = FailureReport.Of(exception);
        Assert.That(report.ExitCode, Is.EqualTo(code));
        Assert.That(report.Line, Does.Contain(part).And.Not.Contain('\n'));
    }

    [Test]
    public void A_mistake_in_a_call_of_the_programs_own_is_not_told_as_the_users()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                () => UsageException.Guard<int>(() => throw new InvalidSettingException("late_bias must be a number")),
                Throws.TypeOf<UsageException>()
            );
            Assert.That(
                () =>
                    UsageException.Guard<int>(() =>
                        throw new SequenceLengthException("max_sequence_length: found 5000")
                    ),
                Throws.TypeOf<UsageException>()
            );
            Assert.That(
                () => UsageException.Guard<int>(() => throw new ArgumentException("3 weights for 4 indices")),
                Throws.ArgumentException
            );
            Assert.That(
                () => UsageException.Guard<int>(() => throw new ArgumentNullException("path")),
                Throws.ArgumentNullException
            );
            Assert.That(
                () => UsageException.Guard<int>(() => throw new ArgumentException("wrong", "count")),
                Throws.ArgumentException
            );
        }
    }

    [Test]
    public void What_the_user_gave_and_what_the_program_did_have_exit_codes_of_their_own()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                FailureReport.Of(new InvalidSettingException("reuse_rollout_blocks is on")),
                Is.EqualTo(new FailureReport("reuse_rollout_blocks is on", 2))
            );
            Assert.That(
                FailureReport.Of(new SequenceLengthException("max_sequence_length: found 5000")),
                Is.EqualTo(new FailureReport("max_sequence_length: found 5000", 2))
            );
            Assert.That(
                FailureReport.Of(new ArgumentException("3 weights for 4 indices")),
                Is.EqualTo(
                    new FailureReport("ArgumentException: 3 weights for 4 indices (FLOWBP_DEBUG=1 shows where)", 1)
                )
            );
        }
    }

    [Test]
    public void The_cause_counts_and_not_what_it_is_wrapped_in()
    {
        var cause = new CheckpointException("x.safetensors: is truncated");
        var wrapped = new AggregateException(new TypeInitializationException("T", cause));
        Assert.That(FailureReport.Of(wrapped), Is.EqualTo(new FailureReport("x.safetensors: is truncated", 1)));
    }

    [Test]
    public void A_message_of_the_project_is_left_as_it_is()
    {
        var exists = new IOException("outputs/a exists; name another --output_dir");
        Assert.That(FailureReport.Of(exists).Line, Is.EqualTo(exists.Message));
    }

    [Test]
    public void A_message_of_the_runtime_is_completed_by_what_to_do()
    {
        var denied = new IOException("Read-only file system : '/o'", 30);
        Assert.That(FailureReport.Of(denied).Line, Does.EndWith("(check the path and its permissions)"));
    }
}
