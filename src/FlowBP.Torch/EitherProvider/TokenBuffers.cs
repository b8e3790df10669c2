// Tokens as the kernels of a rollout take them. A modulation is one part of what a linear layer gives, queries and keys are columns
// of what a projection gives: views into tensors that stay whole.

using FlowBP.Kernels;

namespace FlowBP.Torch;

/// <summary>
/// Views of contiguous tensors for <see cref="IRolloutKernels"/>, Float32 or BFloat16. The caller keeps the tensors alive during the
/// call. Letters: B samples, L tokens, D width, E columns, P parts of a modulation, H heads, K width of a head.
/// </summary>
public static unsafe class TokenBuffers
{
    /// <summary>Tokens.</summary>
    /// <param name="x_BLD">[B, L, D].</param>
    /// <param name="deviceIndex">Number of the kernels' GPU; null: main memory.</param>
    /// <exception cref="ArgumentException">The tensor is elsewhere or strided.</exception>
    public static TokenBuffer Of(torch.Tensor x_BLD, int? deviceIndex) =>
        new(
            (void*)TensorPointer.Of(x_BLD, deviceIndex),
            LatentBuffers.TypeOf(x_BLD),
            x_BLD.size(0),
            x_BLD.size(1),
            x_BLD.size(2)
        );

    /// <summary>One part of a modulation.</summary>
    /// <param name="modulation_BE">All parts, [B, P·D].</param>
    /// <param name="part">Which part.</param>
    /// <param name="width">D.</param>
    /// <param name="deviceIndex">Number of the kernels' GPU; null: main memory.</param>
    /// <exception cref="ArgumentException">There is no such part; the tensor is elsewhere or strided.</exception>
    public static ModulationBuffer Part(torch.Tensor modulation_BE, int part, long width, int? deviceIndex)
    {
        var stride = modulation_BE.size(1);
        if ((part + 1) * width > stride)
        {
            throw new ArgumentException($"a modulation of {stride} has no part {part} of width {width}");
        }
        var type = LatentBuffers.TypeOf(modulation_BE);
        return new(Element(modulation_BE, part * width, deviceIndex), type, modulation_BE.size(0), width, stride);
    }

    /// <summary>The heads that lie side by side in some tokens.</summary>
    /// <param name="x_BLE">[B, L, E].</param>
    /// <param name="first">The first of the tokens.</param>
    /// <param name="tokens">How many.</param>
    /// <param name="column">Where the heads begin in each.</param>
    /// <param name="heads">H.</param>
    /// <param name="width">K.</param>
    /// <param name="deviceIndex">Number of the kernels' GPU; null: main memory.</param>
    /// <exception cref="ArgumentException">They don't fit; the tensor is elsewhere or strided.</exception>
    public static HeadBuffer Heads(
        torch.Tensor x_BLE,
        long first,
        long tokens,
        long column,
        int heads,
        int width,
        int? deviceIndex
    )
    {
        var stride = x_BLE.size(2);
        if (column + ((long)heads * width) > stride || first + tokens > x_BLE.size(1))
        {
            throw new ArgumentException(
                $"heads of width {heads * width} from column {column} of {stride}, {tokens} tokens from {first} of "
                    + $"{x_BLE.size(1)}: they don't fit"
            );
        }
        return new()
        {
            Pointer = Element(x_BLE, (first * stride) + column, deviceIndex),
            Type = LatentBuffers.TypeOf(x_BLE),
            Batch = x_BLE.size(0),
            Tokens = tokens,
            Heads = heads,
            Width = width,
            SampleStride = x_BLE.size(1) * stride,
            TokenStride = stride,
            HeadStride = width,
        };
    }

    private static byte* Element(torch.Tensor tensor, long index, int? deviceIndex) =>
        (byte*)TensorPointer.Of(tensor, deviceIndex) + (index * tensor.element_size());
}
