using System.Xml.Linq;
using FlowBP.Cli.Plotting;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Runs;
using ScottPlot.Plottables;

namespace FlowBP.Cli.Tests;

/// <summary>The plot of a run holds its numbers.</summary>
public sealed class RunPlotTests
{
    [Test]
    public void The_curve_and_the_judgements_are_drawn()
    {
        using var plot = RunPlot.Of(
            new(
                "flowbp-bridge",
                0.7,
                [.. Enumerable.Range(1, 12).Select(step => new StepValue(step, step))],
                [
                    new(RewardJudge.HeldOut, IsShare: false, [new(0, 0.5), new(12, 0.75)]),
                    new("rule_accuracy", IsShare: true, [new(0, 0), new(12, 1)]),
                ]
            )
        );
        var lines = plot.GetPlottables<Scatter>().ToArray();
        var svg = XDocument.Parse(plot.GetSvgXml(900, 540)).ToString();
        using (Assert.EnterMultipleScope())
        {
            // Rewards 1 to 12: the mean of the first, and of the last eight.
            Assert.That(Values(lines[0])[0], Is.EqualTo((1.0, 1.0)));
            Assert.That(Values(lines[0])[^1], Is.EqualTo((12.0, 8.5)));
            Assert.That(Values(lines[1]), Is.EqualTo(Enumerable.Range(1, 12).Select(i => ((double)i, (double)i))));
            Assert.That(Values(lines[2]), Is.EqualTo([(0.0, 0.5), (12.0, 0.75)]));
            Assert.That(Values(lines[3]), Is.EqualTo([(0.0, 0.0), (12.0, 100.0)]));
            Assert.That(lines[3].Axes.YAxis, Is.SameAs(plot.Axes.Right));
            Assert.That(plot.GetPlottables<HorizontalLine>().Single().Y, Is.EqualTo(0.7));
            Assert.That(
                svg,
                Does.Contain("flowbp-bridge: 12 steps").And.Contain("held-out reward, evaluation prompts")
            );
            Assert.That(svg, Does.Contain("rule accuracy, evaluation prompts (right axis)"));
        }
    }

    [Test]
    public void A_mean_over_fewer_values_than_its_window_is_of_those_that_there_are() =>
        Assert.That(PlotFiles.Smoothed([2, 4, 9]), Is.EqualTo([2, 3, 5]));

    private static (double, double)[] Values(Scatter line) =>
        [.. line.Data.GetScatterPoints().Select(point => (point.X, point.Y))];
}
