using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests;

/// <summary>When the alarm trips, and what it takes for the best step.</summary>
public sealed class HackingAlarmTests
{
    private static double[] Scores(double value, int prompts = 12) => [.. Enumerable.Repeat(value, prompts)];

    [Test]
    public void A_fall_on_every_prompt_trips_and_names_the_best_step()
    {
        var alarm = new HackingAlarm();
        Assert.That(alarm.Hear(0, Scores(0.5)).Trips, Is.False);
        Assert.That(alarm.Hear(25, Scores(0.75)).BestStep, Is.EqualTo(25));
        var fallen = alarm.Hear(50, Scores(0.625));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(fallen.Trips, Is.True);
            Assert.That(fallen.BestStep, Is.EqualTo(25));
            Assert.That(fallen.Score, Is.EqualTo(0.625));
            Assert.That(fallen.Fall!.Gain, Is.EqualTo(-0.125));
        }
    }

    [Test]
    public void A_fall_that_may_be_chance_does_not_trip()
    {
        var alarm = new HackingAlarm();
        alarm.Hear(0, Scores(0.5));
        // Six prompts 0.1 up, six 0.12 down: the mean falls by 0.01, the interval holds zero.
        double[] mixed = [.. Enumerable.Range(0, 12).Select(p => p % 2 == 0 ? 0.6 : 0.38)];
        var judgement = alarm.Hear(25, mixed);
        Assert.That(judgement.Fall!.Gain, Is.EqualTo(-0.01).Within(1e-12));
        Assert.That(judgement.Trips, Is.False);
    }

    [Test]
    public void Too_few_prompts_never_trip()
    {
        var alarm = new HackingAlarm();
        alarm.Hear(0, Scores(0.5, prompts: 5));
        Assert.That(alarm.Hear(25, Scores(0.1, prompts: 5)).Trips, Is.False);
    }

    [Test]
    public void Equal_scores_leave_the_earlier_step_the_best()
    {
        var alarm = new HackingAlarm();
        alarm.Hear(0, Scores(0.5));
        var same = alarm.Hear(25, Scores(0.5));
        Assert.That(same.BestStep, Is.Zero);
        Assert.That(same.Trips, Is.False);
    }

    [Test]
    public void Other_prompts_than_before_are_refused()
    {
        var alarm = new HackingAlarm();
        alarm.Hear(0, Scores(0.5));
        Assert.That(() => alarm.Hear(25, Scores(0.5, prompts: 3)), Throws.ArgumentException);
        Assert.That(() => new HackingAlarm().Hear(0, []), Throws.ArgumentException);
    }
}
