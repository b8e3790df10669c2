// Those who start several processes tell each which one it is, each in its own words. The first row of the table that is complete is
// taken; one that is there in part is a mistake that would otherwise end in N runs of one process each.

using System.Globalization;

namespace FlowBP.Distributed;

/// <summary>Reads from the environment which process of a job this is.</summary>
public static class RankEnvironment
{
    /// <summary>Port on which rank 0 listens, instead of the launcher's.</summary>
    public const string Port = "FLOWBP_PORT";

    /// <summary>What a process has to know to belong to the job, instead of the launcher's name of the job.</summary>
    public const string Secret = "FLOWBP_JOB_SECRET";

    private const string MasterAddress = "MASTER_ADDR";
    private const string MasterPort = "MASTER_PORT";
    private const int FirstPort = 20_000;
    private const int Ports = 20_000;

    private sealed record Row(
        string Launcher,
        string Rank,
        string Size,
        string? LocalRank,
        IReadOnlyList<string> Required,
        IReadOnlyList<string> JobIds
    );

    // Slurm's own variables are there in a batch script as well, which srun has not started: only a step has a number.
    private static readonly Row[] s_rows =
    [
        new("torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", [MasterAddress, MasterPort], ["TORCHELASTIC_RUN_ID"]),
        new(
            "mpirun (Open MPI)",
            "OMPI_COMM_WORLD_RANK",
            "OMPI_COMM_WORLD_SIZE",
            "OMPI_COMM_WORLD_LOCAL_RANK",
            [],
            ["PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"]
        ),
        new("mpiexec (MPICH)", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", [], ["PMI_JOBID", "HYDRA_JOBID"]),
        new(
            "srun (Slurm)",
            "SLURM_PROCID",
            "SLURM_STEP_NUM_TASKS",
            "SLURM_LOCALID",
            ["SLURM_STEP_ID", "SLURM_JOB_ID"],
            ["SLURM_JOB_ID"]
        ),
    ];

    /// <summary>Finds the place of this process.</summary>
    /// <param name="environment">Variables by name; null: those of this process.</param>
    /// <returns>Null: no launcher started it, it is alone.</returns>
    /// <exception cref="RendezvousException">An environment is there in part, or says what can't be; names the variable.</exception>
    public static RankPlace? Find(IReadOnlyDictionary<string, string>? environment = null)
    {
        environment ??= Environment
            .GetEnvironmentVariables()
            .Cast<System.Collections.DictionaryEntry>()
            .ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? "");
        RendezvousException? partial = null;
        foreach (var row in s_rows)
        {
            string[] needed = [row.Rank, row.Size, .. row.Required];
            string[] missing = [.. needed.Where(name => Value(environment, name) is null)];
            if (missing.Length == 0)
            {
                return Place(row, environment);
            }
            if (IsBegun(row, environment))
            {
                partial ??= new(
                    $"the environment is half that of {row.Launcher}: {string.Join(", ", needed.Except(missing))} set, without"
                        + $" {string.Join(", ", missing)}; set them all, or none to run one process",
                    isSameEverywhere: false
                );
            }
        }
        return partial is null ? null : throw partial;
    }

    // Slurm sets its rank in scripts that no srun has started: that alone says nothing.
    private static bool IsBegun(Row row, IReadOnlyDictionary<string, string> environment) =>
        row.Rank.StartsWith("SLURM", StringComparison.Ordinal)
            ? Value(environment, "SLURM_STEP_ID") is not null && Value(environment, row.Rank) is not null
            : Value(environment, row.Rank) is not null || Value(environment, row.Size) is not null;

    private static RankPlace Place(Row row, IReadOnlyDictionary<string, string> environment)
    {
        var size = Number(row.Size, environment, least: 1);
        var rank = Number(row.Rank, environment, least: 0);
        if (rank >= size)
        {
            throw new RendezvousException(
                $"{row.Rank} is {rank} and {row.Size} is {size}: ranks are numbered from 0 to {size - 1}"
            );
        }
        var local =
            row.LocalRank is { } name && Value(environment, name) is not null ? Number(name, environment, least: 0)
            : size == 1 ? 0
            : throw new RendezvousException(
                $"{row.LocalRank} is not set, which says which GPU of its node rank {rank} takes ({row.Launcher})"
            );
        var job = row.JobIds.Select(id => Value(environment, id)).FirstOrDefault(id => id is not null);
        return new(
            row.Launcher,
            rank,
            size,
            local,
            Address(row, size, environment),
            PortOf(row, job, environment),
            Value(environment, Secret) ?? job ?? ""
        );
    }

    private static string Address(Row row, int size, IReadOnlyDictionary<string, string> environment)
    {
        if (Value(environment, MasterAddress) is { } address)
        {
            return address;
        }
        if (
            (Value(environment, "SLURM_STEP_NODELIST") ?? Value(environment, "SLURM_JOB_NODELIST")) is { } nodes
            && row.Launcher.Contains("Slurm", StringComparison.Ordinal)
        )
        {
            return FirstHost(nodes);
        }
        var local = Value(environment, "OMPI_COMM_WORLD_LOCAL_SIZE") ?? Value(environment, "MPI_LOCALNRANKS");
        if (size == 1 || local == size.ToString(CultureInfo.InvariantCulture))
        {
            return "127.0.0.1";
        }
        throw new RendezvousException(
            $"{row.Launcher} does not say where rank 0 is: set {MasterAddress} to the name of its node"
        );
    }

    private static int PortOf(Row row, string? job, IReadOnlyDictionary<string, string> environment)
    {
        if (Value(environment, Port) is not null)
        {
            return Number(Port, environment, least: 1, most: 65_535);
        }
        if (Value(environment, MasterPort) is not null)
        {
            var port = Number(MasterPort, environment, least: 1, most: 65_535);
            // The agent of torchrun listens there itself.
            return Value(environment, "TORCHELASTIC_USE_AGENT_STORE") == "True" ? port + 1 : port;
        }
        if (job is null)
        {
            throw new RendezvousException(
                $"{row.Launcher} names neither a port nor a job to choose one by: set {MasterPort} or {Port}"
            );
        }
        // Two jobs on one node take two ports, most often; a port that is taken is named.
        var hash = job.Aggregate(2166136261u, (sum, letter) => (sum ^ letter) * 16777619u);
        return FirstPort + (int)(hash % Ports);
    }

    /// <summary>The first host of a list as Slurm writes it: <c>gpu[003-007,012],login1</c> is gpu003.</summary>
    /// <param name="nodes">The list.</param>
    /// <exception cref="RendezvousException">It is none.</exception>
    internal static string FirstHost(string nodes)
    {
        var bracket = nodes.IndexOf('[', StringComparison.Ordinal);
        var comma = nodes.IndexOf(',', StringComparison.Ordinal);
        if (bracket < 0 || (comma >= 0 && comma < bracket))
        {
            return comma < 0 ? nodes : nodes[..comma];
        }
        var end = nodes.IndexOfAny([',', '-', ']'], bracket);
        var close = nodes.IndexOf(']', StringComparison.Ordinal);
        if (end < 0 || close < 0 || end == bracket + 1)
        {
            throw new RendezvousException($"the list of nodes {nodes} is none as Slurm writes them");
        }
        var rest = nodes[(close + 1)..];
        var suffix = rest.IndexOf(',', StringComparison.Ordinal) is >= 0 and var cut ? rest[..cut] : rest;
        return nodes[..bracket] + nodes[(bracket + 1)..end] + suffix;
    }

    private static string? Value(IReadOnlyDictionary<string, string> environment, string name) =>
        environment.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

    private static int Number(
        string name,
        IReadOnlyDictionary<string, string> environment,
        int least,
        int most = int.MaxValue
    )
    {
        var text = Value(environment, name);
        return
            int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            && value >= least
            && value <= most
            ? value
            : throw new RendezvousException(
                $"{name} is {text}, expected an integer from {least}"
                    + (most == int.MaxValue ? "" : string.Create(CultureInfo.InvariantCulture, $" to {most}"))
            );
    }
}
