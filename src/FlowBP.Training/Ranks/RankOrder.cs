// Rank 0 leads: it evaluates, draws, saves and decides, and the others do with it what takes all ranks. What they are to do next, it tells
// them, so that a step is left out, a run stopped or gone back by all of them or by none.

using System.Text.Json;
using System.Text.Json.Serialization;

namespace FlowBP.Training.Ranks;

/// <summary>What the ranks are to do next.</summary>
public enum RankTask
{
    /// <summary>Make a training step.</summary>
    Step,

    /// <summary>Count on from a number of steps.</summary>
    CountFrom,

    /// <summary>Exchange weights and moving averages.</summary>
    Exchange,

    /// <summary>Join the state that is divided among ranks.</summary>
    JoinState,

    /// <summary>Go back to the state of a checkpoint.</summary>
    Restore,

    /// <summary>End the process.</summary>
    End,
}

/// <summary>An order of rank 0.</summary>
/// <param name="Task">What to do.</param>
/// <param name="Number">Index of the step, number of steps, or the process's exit code.</param>
/// <param name="Folder">The checkpoint, a folder that all ranks see; null: none is meant.</param>
public sealed record RankOrder(RankTask Task, int Number = 0, string? Folder = null)
{
    private static readonly JsonSerializerOptions s_options = new()
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter(allowIntegerValues: false) },
    };

    /// <summary>As a message.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, s_options);

    /// <summary>Reads a message.</summary>
    /// <param name="message">What <see cref="ToBytes"/> gave.</param>
    /// <exception cref="InvalidDataException">It is no order.</exception>
    public static RankOrder Read(byte[] message)
    {
        try
        {
            return JsonSerializer.Deserialize<RankOrder>(message, s_options)
                ?? throw new InvalidDataException("rank 0 sent an empty order");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"rank 0 sent something that is no order: {e.Message}", e);
        }
    }
}
