// The checks in front of every implementation of IRolloutKernels, for the reasons that KernelArguments gives.

namespace FlowBP.Kernels;

internal static unsafe class RolloutArguments
{
    internal static void CheckAdaln(TokenBuffer x, ModulationBuffer scale, ModulationBuffer shift, TokenBuffer result)
    {
        CheckTokens(x, "x_BLD");
        CheckModulation(scale, x, "scale_BD");
        CheckModulation(shift, x, "shift_BD");
        CheckLike(result, x, "out_BLD");
    }

    internal static void CheckGated(TokenBuffer x, ModulationBuffer gate, TokenBuffer y, TokenBuffer result)
    {
        CheckTokens(x, "x_BLD");
        CheckModulation(gate, x, "gate_BD");
        CheckLike(y, x, "y_BLD");
        CheckLike(result, x, "out_BLD");
    }

    internal static void CheckQkNormRope(HeadBuffer x, float* cosine, float* sine, HeadBuffer result)
    {
        CheckHeads(x, "x_BLHK");
        CheckHeads(result, "out_BLHK");
        if (
            result.Type != x.Type
            || result.Batch != x.Batch
            || result.Tokens != x.Tokens
            || result.Heads != x.Heads
            || result.Width != x.Width
        )
        {
            throw new ArgumentException($"out_BLHK is {result}; expected {x}");
        }
        if ((cosine is null) != (sine is null))
        {
            throw new ArgumentException("a rotation takes cosines and sines; one of the two is missing");
        }
        if (cosine is not null && x.Width % 2 != 0)
        {
            throw new ArgumentException($"heads of width {x.Width} have an element without a pair to rotate with");
        }
    }

    internal static void CheckEulerStep(
        LatentBuffer conditional,
        LatentBuffer? negative,
        ReadOnlySpan<int> sample,
        LatentBuffer x,
        LatentBuffer v,
        LatentBuffer next
    )
    {
        CheckLatents(conditional, "conditional_NE");
        if (conditional.Elements != x.Elements || conditional.Batch != sample.Length)
        {
            throw new ArgumentException(
                $"conditional_NE is {conditional}; expected [1, {sample.Length}, {x.Elements}] to go with sample_N and x_BE"
            );
        }
        if (negative is { } negative_NE)
        {
            CheckLike(negative_NE, conditional, "negative_NE");
        }
        CheckLatents(x, "x_BE");
        CheckLike(v, x, "v_BE");
        CheckLike(next, x, "next_BE");
        var seen = new bool[x.Batch];
        for (var n = 0; n < sample.Length; n++)
        {
            if (sample[n] < 0 || sample[n] >= x.Batch || seen[sample[n]])
            {
                throw new ArgumentException(
                    $"sample_N[{n}] is {sample[n]}; expected each of the {x.Batch} samples at most once"
                );
            }
            seen[sample[n]] = true;
        }
    }

    private static void CheckTokens(TokenBuffer buffer, string name)
    {
        if (
            !IsFused(buffer.Type)
            || buffer.Batch < 0
            || buffer.Tokens < 0
            || buffer.Width is < 0 or > int.MaxValue
            || IsMissing(buffer.Pointer, checked(buffer.Batch * buffer.Tokens * buffer.Width))
        )
        {
            throw new ArgumentException(
                $"{name} is {buffer} at {(nint)buffer.Pointer:x}; expected Float32 or BFloat16, [B, L, D], D below 2^31"
            );
        }
    }

    private static void CheckModulation(ModulationBuffer buffer, TokenBuffer x, string name)
    {
        if (
            buffer.Type != x.Type
            || buffer.Batch != x.Batch
            || buffer.Width != x.Width
            || IsMissing(buffer.Pointer, x.Batch * x.Width)
        )
        {
            throw new ArgumentException(
                $"{name} is {buffer} at {(nint)buffer.Pointer:x}; expected {x.Type}[{x.Batch}, {x.Width}] to go with x_BLD"
            );
        }
    }

    private static void CheckLike(TokenBuffer buffer, TokenBuffer x, string name)
    {
        CheckTokens(buffer, name);
        if (buffer.Type != x.Type || buffer.Batch != x.Batch || buffer.Tokens != x.Tokens || buffer.Width != x.Width)
        {
            throw new ArgumentException($"{name} is {buffer}; expected {x}");
        }
    }

    private static void CheckHeads(HeadBuffer buffer, string name)
    {
        if (
            !IsFused(buffer.Type)
            || buffer.Batch < 0
            || buffer.Tokens < 0
            || buffer.Heads < 0
            || buffer.Width < 0
            || IsMissing(buffer.Pointer, checked(buffer.Batch * buffer.Tokens * buffer.Heads * buffer.Width))
        )
        {
            throw new ArgumentException(
                $"{name} is {buffer} at {(nint)buffer.Pointer:x}; expected Float32 or BFloat16, [B, L, H, K]"
            );
        }
    }

    private static void CheckLatents(LatentBuffer buffer, string name)
    {
        if (
            !IsFused(buffer.Type)
            || buffer.Steps != 1
            || buffer.Batch is < 0 or > int.MaxValue
            || buffer.Elements < 0
            || IsMissing(buffer.Pointer, buffer.Count)
        )
        {
            throw new ArgumentException(
                $"{name} is {buffer} at {(nint)buffer.Pointer:x}; expected Float32 or BFloat16, [1, B, E]"
            );
        }
    }

    private static void CheckLike(LatentBuffer buffer, LatentBuffer like, string name)
    {
        CheckLatents(buffer, name);
        if (buffer.Type != like.Type || buffer.Batch != like.Batch || buffer.Elements != like.Elements)
        {
            throw new ArgumentException($"{name} is {buffer}; expected {like}");
        }
    }

    private static bool IsFused(LatentType type) => type is LatentType.Float32 or LatentType.BFloat16;

    private static bool IsMissing(void* pointer, long count) => pointer is null && count > 0;
}
