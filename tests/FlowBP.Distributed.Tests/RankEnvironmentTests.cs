namespace FlowBP.Distributed.Tests;

/// <summary>Each launcher's environment gives a place, and half of one is named.</summary>
public class RankEnvironmentTests
{
    [TestCase(
        "RANK=3 WORLD_SIZE=8 LOCAL_RANK=1 MASTER_ADDR=node7 MASTER_PORT=29500 TORCHELASTIC_RUN_ID=abc TORCHELASTIC_USE_AGENT_STORE=True",
        "torchrun 3/8 local 1 node7:29501 abc"
    )]
    [TestCase(
        "RANK=3 WORLD_SIZE=8 LOCAL_RANK=1 MASTER_ADDR=node7 MASTER_PORT=29500 FLOWBP_PORT=4000 FLOWBP_JOB_SECRET=s",
        "torchrun 3/8 local 1 node7:4000 s"
    )]
    [TestCase(
        "SLURM_PROCID=5 SLURM_STEP_NUM_TASKS=16 SLURM_LOCALID=5 SLURM_STEP_ID=0 SLURM_JOB_ID=77 SLURM_STEP_NODELIST=gpu[003-004] FLOWBP_PORT=1",
        "srun (Slurm) 5/16 local 5 gpu003:1 77"
    )]
    [TestCase(
        "OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=2 FLOWBP_PORT=9",
        "mpirun (Open MPI) 1/2 local 1 127.0.0.1:9 "
    )]
    [TestCase(
        "PMI_RANK=1 PMI_SIZE=2 MPI_LOCALRANKID=0 MASTER_ADDR=a MASTER_PORT=5",
        "mpiexec (MPICH) 1/2 local 0 a:5 "
    )]
    public void A_complete_environment_gives_a_place(string variables, string expected)
    {
        var place = RankEnvironment.Find(Variables(variables))!;
        Assert.That(
            $"{place.Launcher} {place.Rank}/{place.Size} local {place.LocalRank} {place.MasterAddress}:{place.MasterPort} {place.Secret}",
            Is.EqualTo(expected)
        );
    }

    [TestCase("")]
    // A batch script, which no srun has started.
    [TestCase("SLURM_JOB_ID=77 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NTASKS=8 SLURM_JOB_NODELIST=a")]
    [TestCase("MASTER_ADDR=a MASTER_PORT=5")]
    [TestCase("RANK= WORLD_SIZE=")]
    public void An_environment_of_no_launcher_is_one_process(string variables) =>
        Assert.That(RankEnvironment.Find(Variables(variables)), Is.Null);

    [TestCase(
        "RANK=0 WORLD_SIZE=2",
        "the environment is half that of torchrun: RANK, WORLD_SIZE set, without MASTER_ADDR, MASTER_PORT"
    )]
    [TestCase(
        "WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=5",
        "the environment is half that of torchrun: WORLD_SIZE, MASTER_ADDR, MASTER_PORT set, without RANK"
    )]
    [TestCase(
        "RANK=2 WORLD_SIZE=2 LOCAL_RANK=0 MASTER_ADDR=a MASTER_PORT=5",
        "RANK is 2 and WORLD_SIZE is 2: ranks are numbered from 0 to 1"
    )]
    [TestCase(
        "RANK=-1 WORLD_SIZE=2 LOCAL_RANK=0 MASTER_ADDR=a MASTER_PORT=5",
        "RANK is -1, expected an integer from 0"
    )]
    [TestCase(
        "RANK=0 WORLD_SIZE=0 LOCAL_RANK=0 MASTER_ADDR=a MASTER_PORT=5",
        "WORLD_SIZE is 0, expected an integer from 1"
    )]
    [TestCase("RANK=x WORLD_SIZE=2 LOCAL_RANK=0 MASTER_ADDR=a MASTER_PORT=5", "RANK is x, expected an integer from 0")]
    [TestCase(
        "RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 MASTER_ADDR=a MASTER_PORT=70000",
        "MASTER_PORT is 70000, expected an integer from 1 to 65535"
    )]
    [TestCase(
        "RANK=0 WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=5",
        "LOCAL_RANK is not set, which says which GPU of its node rank 0 takes (torchrun)"
    )]
    [TestCase(
        "OMPI_COMM_WORLD_RANK=0",
        "the environment is half that of mpirun (Open MPI): OMPI_COMM_WORLD_RANK set, without OMPI_COMM_WORLD_SIZE"
    )]
    [TestCase(
        "OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=2 FLOWBP_PORT=9",
        "mpirun (Open MPI) does not say where rank 0 is: set MASTER_ADDR to the name of its node"
    )]
    public void What_can_not_be_is_named(string variables, string expected) =>
        Assert.That(
            () => RankEnvironment.Find(Variables(variables)),
            Throws.InstanceOf<RendezvousException>().With.Message.StartsWith(expected)
        );

    [TestCase("gpu003", "gpu003")]
    [TestCase("gpu003,gpu004", "gpu003")]
    [TestCase("gpu[003-007,012],login1", "gpu003")]
    [TestCase("gpu[3]", "gpu3")]
    [TestCase("rack[1-2]-node,other", "rack1-node")]
    [TestCase("a,b[1-2]", "a")]
    public void The_first_host_of_a_list_is_read(string nodes, string expected) =>
        Assert.That(RankEnvironment.FirstHost(nodes), Is.EqualTo(expected));

    private static Dictionary<string, string> Variables(string text) =>
        text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => pair[1]);
}
