using FlowBP.Training.Optimization;

namespace FlowBP.Training.Tests;

public class LearningRateScheduleTests
{
    [Test]
    public void Without_warm_up_it_is_constant() =>
        Assert.That(new[] { 0L, 1, 1000000 }.Select(new LearningRateSchedule(0.3).At), Is.All.EqualTo(0.3));

    [Test]
    public void Warm_up_is_linear_and_its_first_step_is_not_zero()
    {
        var schedule = new LearningRateSchedule(0.8, WarmupSteps: 4);
        Assert.That(
            Enumerable.Range(0, 6).Select(step => schedule.At(step)),
            Is.EqualTo(new[] { 0.2, 0.4, 0.6, 0.8, 0.8, 0.8 }).Within(1e-15)
        );
    }

    [Test]
    public void The_cosine_falls_from_the_peak_to_its_share_and_stays_there()
    {
        var schedule = new LearningRateSchedule(2, WarmupSteps: 10, CosineSteps: 30, FinalShare: 0.1);
        Assert.That(schedule.At(10), Is.EqualTo(2));
        Assert.That(schedule.At(20), Is.EqualTo(2 * 0.55).Within(1e-15), "half way: the mean of peak and end");
        Assert.That(schedule.At(15), Is.EqualTo(2 * (0.1 + 0.45 * (1 + Math.Sqrt(0.5)))).Within(1e-14));
        Assert.That(new[] { 30L, 31, 1000 }.Select(schedule.At), Is.All.EqualTo(0.2).Within(1e-15));
    }
}
