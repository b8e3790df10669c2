// Which name was probably meant. Two letters in the wrong order are one mistake, not two: min_idx typed as mni_idx is nearer to
// itself than to max_idx.

namespace FlowBP.Settings;

/// <summary>Finds the names that a misspelt one resembles.</summary>
public static class NearestNames
{
    private const int MostSuggested = 4;

    /// <summary>The names at the smallest distance, if that is small: at most a third of the letters wrong, or two.</summary>
    /// <param name="typed">The misspelt name.</param>
    /// <param name="known">The names there are.</param>
    /// <returns>Several where they are equally near, in the order of <paramref name="known"/>; none where no name is near.</returns>
    public static IReadOnlyList<string> Of(string typed, IEnumerable<string> known)
    {
        var ranked = known.Select(name => (Name: name, Distance: Distance(typed, name))).ToArray();
        if (ranked.Length == 0)
        {
            return [];
        }
        var smallest = ranked.Min(candidate => candidate.Distance);
        return smallest > Math.Max(2, typed.Length / 3)
            ? []
            :
            [
                .. ranked
                    .Where(candidate => candidate.Distance == smallest)
                    .Select(candidate => candidate.Name)
                    .Distinct()
                    .Take(MostSuggested),
            ];
    }

    /// <summary><c>(did you mean a or b?)</c>, or nothing where no name is near.</summary>
    /// <param name="typed">The misspelt name.</param>
    /// <param name="known">The names there are.</param>
    public static string Question(string typed, IEnumerable<string> known)
    {
        var nearest = Of(typed, known);
        return nearest.Count switch
        {
            0 => "",
            1 => $"(did you mean {nearest[0]}?)",
            _ => $"(did you mean {string.Join(", ", nearest.SkipLast(1))} or {nearest[^1]}?)",
        };
    }

    // Insertions, deletions, substitutions and exchanges of neighbours, each costing 1 (optimal string alignment).
    private static int Distance(string a, string b)
    {
        var rows = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            rows[i, 0] = i;
        }
        for (var j = 0; j <= b.Length; j++)
        {
            rows[0, j] = j;
        }
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var substituted = rows[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                rows[i, j] = Math.Min(substituted, Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
                }
            }
        }
        return rows[a.Length, b.Length];
    }
}
