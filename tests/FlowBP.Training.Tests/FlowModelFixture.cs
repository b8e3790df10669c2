// A folder of small models, and a scope for the tensors of a test.

using FlowBP.Families;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Tests;

/// <summary>What tests of loaded models share.</summary>
public abstract class FlowModelFixture
{
    private DisposeScope scope = null!;

    private protected TemporaryFolder Folder { get; private set; } = null!;

    protected static IEnumerable<string> Families => TinyModels.Writers.Keys;

    [SetUp]
    public void Open()
    {
        Folder = new();
        scope = torch.NewDisposeScope();
    }

    [TearDown]
    public void Close()
    {
        scope.Dispose();
        Folder.Dispose();
    }

    // A model of a family, whose folder is written once.
    private protected TextToImage Load(string family, double guidance, int workers = 1, ImageSize? size = null)
    {
        var path = Folder.Of(family);
        if (!Directory.Exists(path))
        {
            TinyModels.Writers[family](path);
        }
        return new TextToImage(
            ModelFolder.At(path, guidance, size) with
            {
                CpuWorkers = workers,
            },
            prompts: new TinyModels.Prompts()
        );
    }
}
