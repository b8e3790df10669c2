namespace FlowBP.Benchmarks.Gpu;

/// <summary>How large the tensors of a benchmark are.</summary>
internal enum CaseSize
{
    /// <summary>A few elements: for tests without a GPU.</summary>
    Tiny,

    /// <summary>A batch of latents of 512 pixels, where launching costs more than computing.</summary>
    Small,

    /// <summary>More than 256 MB, of which no cache holds much.</summary>
    Large,
}
