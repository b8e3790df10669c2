// What the ranks tell each other between computing and updating: what came of their shares, or that a number of theirs is not finite.
// Every rank reads the same messages and so does the same: all update, or none does.

using System.Text.Json;
using System.Text.Json.Serialization;
using FlowBP.Surrogates;

namespace FlowBP.Training.Ranks;

/// <summary>Exchanges what came of a part of a step.</summary>
/// <param name="ranks">The ranks.</param>
public sealed class RankExchange(RankGroup ranks)
{
    private static readonly JsonSerializerOptions s_options = new()
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>Gives every rank what came of each.</summary>
    /// <param name="own">What came of this rank's share, which goes through JSON; null: a number is not finite.</param>
    /// <param name="failure">That it is not; null: all are.</param>
    /// <returns>By rank.</returns>
    /// <exception cref="RankNonFiniteException">A number of some rank is not finite; every rank throws the same.</exception>
    /// <exception cref="Distributed.RankLostException">A rank did not come in time.</exception>
    public IReadOnlyList<T> Outcomes<T>(T? own, NonFiniteException? failure)
        where T : class
    {
        var outcome = new Outcome<T>(own, failure is null ? null : new(failure.Quantity, failure.Message));
        var all = ranks
            .Exchange(JsonSerializer.SerializeToUtf8Bytes(outcome, s_options))
            .Select(message => JsonSerializer.Deserialize<Outcome<T>>(message, s_options)!)
            .ToArray();
        for (var rank = 0; rank < all.Length; rank++)
        {
            if (all[rank].Failure is { } failed)
            {
                throw new RankNonFiniteException(rank, failed.Quantity, failed.Message);
            }
        }
        return [.. all.Select(outcome => outcome.Value!)];
    }

    private sealed record Outcome<T>(T? Value, Failed? Failure)
        where T : class;

    private sealed record Failed(string Quantity, string Message);
}

/// <summary>A number of a rank is not finite; no rank has updated anything.</summary>
/// <param name="rank">The rank.</param>
/// <param name="quantity">What is not finite.</param>
/// <param name="message">What the rank says.</param>
public sealed class RankNonFiniteException(int rank, string quantity, string message)
    : NonFiniteException(quantity, $"rank {rank}: {message}")
{
    /// <summary>The rank.</summary>
    public int Rank { get; } = rank;
}
