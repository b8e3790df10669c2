// Scores and cosines of the rewards of a sum. Chunks of pictures are scored side by side, in any order: what is taken doesn't depend
// on it.
// Shape legend: B batch, D elements of a picture, K rewards.

namespace FlowBP.Training.Rewards;

/// <summary>Collects what several rewards say of pictures.</summary>
/// <param name="names">Names of the rewards, no two the same.</param>
internal sealed class RewardStatistics(IReadOnlyList<string> names)
{
    private readonly Lock gate = new();
    private readonly List<double>[] scores = [.. names.Select(_ => new List<double>())];
    private readonly Dictionary<(int First, int Second), List<double>> cosines = [];

    /// <summary>Hears of some pictures, without autograd.</summary>
    /// <param name="score_KB">Scores [B] of each reward.</param>
    /// <param name="gradient_KBD">Their gradients at the pictures [B, D].</param>
    public void Note(Tensor[] score_KB, Tensor[] gradient_KBD)
    {
        double[][] found = [.. score_KB.Select(Numbers)];
        Tensor[] wide = names.Count > 1 ? [.. gradient_KBD.Select(each => each.to(ScalarType.Float64))] : [];
        double[][] squares = [.. wide.Select(each => Numbers((each * each).sum([1])))];
        List<((int, int) Pair, double[] Products)> products = [];
        for (var first = 0; first < wide.Length; first++)
        {
            for (var second = first + 1; second < wide.Length; second++)
            {
                products.Add(((first, second), Numbers((wide[first] * wide[second]).sum([1]))));
            }
        }
        lock (gate)
        {
            for (var k = 0; k < found.Length; k++)
            {
                scores[k].AddRange(found[k]);
            }
            foreach (var (pair, product_B) in products)
            {
                var (first, second) = pair;
                for (var b = 0; b < product_B.Length; b++)
                {
                    var cosine = product_B[b] / Math.Sqrt(squares[first][b] * squares[second][b]);
                    if (double.IsFinite(cosine))
                    {
                        (cosines.TryGetValue(pair, out var list) ? list : cosines[pair] = []).Add(cosine);
                    }
                }
            }
        }
    }

    /// <summary>Means over what was noted since the last call; null: nothing.</summary>
    public RewardCurves? Take()
    {
        lock (gate)
        {
            if (scores[0].Count == 0)
            {
                return null;
            }
            var curves = new RewardCurves(
                names.Index().ToDictionary(each => each.Item, each => Mean(scores[each.Index])),
                cosines
                    .OrderBy(pair => pair.Key)
                    .ToDictionary(pair => $"{names[pair.Key.First]}|{names[pair.Key.Second]}", pair => Mean(pair.Value))
            );
            foreach (var list in scores)
            {
                list.Clear();
            }
            cosines.Clear();
            return curves;
        }
    }

    // Whatever chunk was first: the sum of sorted numbers has one order.
    private static double Mean(IEnumerable<double> values) => values.Order().Average();

    private static double[] Numbers(Tensor tensor) => tensor.to(ScalarType.Float64).cpu().data<double>().ToArray();
}
