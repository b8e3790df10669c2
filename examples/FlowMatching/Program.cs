// Trains a small flow-matching model, then aligns it with a reward: `dotnet run --project examples/FlowMatching -c Release`.

using System.Globalization;
using FlowBP.Examples.FlowMatching;

using var network = Before.Train(steps: 400);
var (before, after) = After.Align(network, steps: 60);
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"mean reward before {before:f3}, after {after:f3}"));
