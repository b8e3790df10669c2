using FlowBP.Families;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Tests;

/// <summary>Models of tests.</summary>
internal static class ModelFolder
{
    /// <summary>Settings of a model whose batches no threads share.</summary>
    /// <param name="path">Its folder.</param>
    /// <param name="guidance">Guidance scale.</param>
    /// <param name="size">Size of the pictures; null: the model's own.</param>
    public static ModelSettings At(string path, double guidance, ImageSize? size = null) =>
        new()
        {
            Model = path,
            CfgGuidance = guidance,
            Height = size?.Height,
            Width = size?.Width,
            CpuWorkers = 1,
        };
}
