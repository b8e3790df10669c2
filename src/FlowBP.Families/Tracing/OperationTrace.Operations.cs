// The operations that the networks are made of, each with what autograd keeps of it. Matrix products alone are counted as
// floating-point operations: everything else is bound by memory.

namespace FlowBP.Families.Tracing;

internal sealed partial class OperationTrace
{
    private const int StatisticBytes = sizeof(float);

    /// <summary>x·Wᵀ + b. Keeps x where the weights receive gradients.</summary>
    /// <param name="x">Rows of <paramref name="inputs"/>.</param>
    /// <param name="inputs">Width of a row.</param>
    /// <param name="outputs">Width of a row of the result.</param>
    /// <param name="bias">Whether there is one.</param>
    /// <param name="strided">Whether x is a part of a larger tensor: it is copied first, and the copy is kept.</param>
    /// <param name="adapted">Whether an adapter is beside it, where the trace has adapters.</param>
    public TracedTensor Linear(
        TracedTensor x,
        long inputs,
        long outputs,
        bool bias = true,
        bool strided = false,
        bool adapted = false
    )
    {
        var rows = x.Elements / inputs;
        var flops = 2.0 * rows * inputs * outputs;
        var read = strided ? Copy(x) : x;
        var result = Record(
            rows * outputs,
            x.ElementBytes,
            [(read, false)],
            Options.TrainsWeights ? [read] : [],
            new()
            {
                Flops = flops,
                InputFlops = flops,
                WeightFlops = flops,
                Weights = (inputs * outputs) + (bias ? outputs : 0),
            }
        );
        return adapted && Options.AdapterRank is { } rank ? Adapted(x, result, inputs, outputs, rank) : result;
    }

    // The result and its change by two trained factors, which are float32 on a network of any type.
    private TracedTensor Adapted(TracedTensor x, TracedTensor result, long inputs, long outputs, int rank)
    {
        BeginScope();
        var inner = Factor(Cast(x, sizeof(float)), inputs, rank);
        var change = Scale(Factor(inner, rank, outputs));
        var sum = Cast(Add(change, result), result.ElementBytes);
        EndScope(sum);
        return sum;
    }

    private TracedTensor Factor(TracedTensor x, long inputs, long outputs)
    {
        var flops = 2.0 * x.Elements * outputs;
        return Record(
            x.Elements / inputs * outputs,
            x.ElementBytes,
            [(x, false)],
            [x],
            new()
            {
                Flops = flops,
                InputFlops = flops,
                WeightFlops = flops,
                Weights = inputs * outputs,
                IsAdapter = true,
            }
        );
    }

    /// <summary>a·b, b of a's size or repeated along it. Each factor is kept if the other needs a gradient.</summary>
    public TracedTensor Multiply(TracedTensor a, TracedTensor b)
    {
        // The gradient of a repeated factor is a whole product first, then a sum.
        var transient = b.NeedsGradient && b.Elements < a.Elements ? a.Bytes : 0;
        return Record(
            a.Elements,
            Math.Max(a.ElementBytes, b.ElementBytes),
            [(a, false), (b, false)],
            (a.NeedsGradient, b.NeedsGradient) switch
            {
                (true, true) => [a, b],
                (true, false) => [b],
                (false, true) => [a],
                _ => [],
            },
            new() { BackwardTransient = transient }
        );
    }

    /// <summary>x times a trained vector, as norms have it. Keeps x.</summary>
    public TracedTensor MultiplyByWeight(TracedTensor x, long weights) =>
        Record(
            x.Elements,
            x.ElementBytes,
            [(x, false)],
            Options.TrainsWeights ? [x] : [],
            new() { Weights = weights, BackwardTransient = Options.TrainsWeights && Options.Recording ? x.Bytes : 0 }
        );

    /// <summary>x times a number, plus or minus one, its square root: nothing is kept.</summary>
    public TracedTensor Scale(TracedTensor x) => Record(x.Elements, x.ElementBytes, [(x, false)], [], default);

    /// <summary>a + b; b may be repeated. Nothing is kept.</summary>
    public TracedTensor Add(TracedTensor a, TracedTensor b) =>
        Record(a.Elements, a.ElementBytes, [(a, true), (b, b.Elements == a.Elements)], [], default);

    /// <summary>x + a trained or constant vector. Nothing is kept.</summary>
    public TracedTensor AddWeight(TracedTensor x, long weights) =>
        Record(x.Elements, x.ElementBytes, [(x, true)], [], new() { Weights = weights });

    /// <summary>x in contiguous memory of its own.</summary>
    public TracedTensor Copy(TracedTensor x) => Record(x.Elements, x.ElementBytes, [(x, true)], [], default);

    /// <summary>x in another type.</summary>
    public TracedTensor Cast(TracedTensor x, int elementBytes) =>
        x.ElementBytes == elementBytes ? x : Record(x.Elements, elementBytes, [(x, false)], [], default);

    /// <summary>A part of x, in its memory. The derivative is a tensor of x's size.</summary>
    public TracedTensor Part(TracedTensor x, long elements) =>
        Record(elements, x.ElementBytes, [(x, false)], [], default, viewOf: x);

    /// <summary>Tensors one after the other. Nothing is kept; the gradients are parts.</summary>
    public TracedTensor Concatenate(TracedTensor a, TracedTensor b) =>
        Record(a.Elements + b.Elements, a.ElementBytes, [(a, true), (b, true)], [], default);

    /// <summary>Normalisation of rows without weights, or with. Keeps x and two numbers per row.</summary>
    public TracedTensor LayerNorm(TracedTensor x, long width, bool affine = false, bool strided = false) =>
        Record(
            x.Elements,
            x.ElementBytes,
            [(x, false)],
            [x],
            new()
            {
                Weights = affine ? 2 * width : 0,
                SavedBytes = x.Elements / width * 2 * StatisticBytes,
                // A copy in the order of rows, in which the operation reads.
                ForwardTransient = strided ? x.Bytes : 0,
                BackwardTransient = strided ? x.Bytes : 0,
            }
        );

    /// <summary>Normalisation of groups of channels. Keeps x.</summary>
    public TracedTensor GroupNorm(TracedTensor x, long channels) =>
        Record(x.Elements, x.ElementBytes, [(x, false)], [x], new() { Weights = 2 * channels });

    /// <summary>Root-mean-square normalisation of heads, in float32, composed of its primitives.</summary>
    public TracedTensor RmsNorm(TracedTensor x, long width)
    {
        var wide = Cast(x, Math.Max(x.ElementBytes, sizeof(float)));
        var squares = Multiply(wide, wide);
        // One number per head. The mean's derivative needs the squares' shape alone, but libtorch 1.13 keeps the squares.
        var mean = Record(x.Elements / width, wide.ElementBytes, [(squares, false)], [squares], default);
        var inverse = Record(mean.Elements, mean.ElementBytes, [(Scale(mean), false)], [], default, savesOutput: true);
        var normed = Cast(Multiply(wide, inverse), x.ElementBytes);
        return MultiplyByWeight(normed, width);
    }

    /// <summary>An activation whose derivative reads its input: GELU, SiLU.</summary>
    public TracedTensor Activation(TracedTensor x) => Record(x.Elements, x.ElementBytes, [(x, false)], [x], default);

    /// <summary>A sigmoid: keeps its result.</summary>
    public TracedTensor Sigmoid(TracedTensor x) =>
        Record(x.Elements, x.ElementBytes, [(x, false)], [], default, savesOutput: true);

    /// <summary>x·sigmoid(1.702·x), composed.</summary>
    public TracedTensor QuickGelu(TracedTensor x) => Multiply(x, Sigmoid(Scale(x)));

    /// <summary>
    /// softmax(q·kᵀ/√d)·v. Fused, it keeps its operands, its result and a number per row; composed, the probabilities, too.
    /// </summary>
    /// <param name="q">[batches, N, d].</param>
    /// <param name="k">[batches, M, d].</param>
    /// <param name="v">[batches, M, d].</param>
    /// <param name="batches">Samples times heads.</param>
    /// <param name="width">d.</param>
    /// <param name="strided">Whether the heads lie apart in the operands: products then copy them.</param>
    public TracedTensor Attention(
        TracedTensor q,
        TracedTensor k,
        TracedTensor v,
        long batches,
        long width,
        bool strided = false
    )
    {
        var queries = q.Elements / batches / width;
        var keys = k.Elements / batches / width;
        var flops = 2.0 * batches * queries * keys * width;
        if (Options.FusedAttention)
        {
            return Record(
                q.Elements,
                q.ElementBytes,
                [(q, false), (k, false), (v, false)],
                [q, k, v],
                new()
                {
                    Flops = 2 * flops,
                    // Scores are computed again, and four products follow: two and a half times the forward, over three inputs.
                    InputFlops = 5 * flops / 3,
                    SavedBytes = batches * queries * sizeof(float),
                    BackwardTransient = q.Elements * sizeof(float),
                },
                savesOutput: true
            );
        }
        BeginScope();
        var scaled = Scale(q);
        var (left, right, values) = strided ? (Copy(scaled), Copy(k), Copy(v)) : (scaled, k, v);
        var scores = Product(left, right, batches * queries * keys, flops);
        var shares = Record(scores.Elements, scores.ElementBytes, [(scores, false)], [], default, savesOutput: true);
        var attended = Product(shares, values, q.Elements, flops);
        EndScope(attended);
        return attended;
    }

    /// <summary>A convolution of kernel k×k. Keeps its input whether the weights are trained or not.</summary>
    /// <param name="x">[B, inputs, …].</param>
    /// <param name="inputs">Channels.</param>
    /// <param name="outputs">Channels of the result.</param>
    /// <param name="kernel">k.</param>
    /// <param name="shrink">How many times fewer positions the result has.</param>
    /// <param name="bias">Whether there is one.</param>
    public TracedTensor Convolution(
        TracedTensor x,
        long inputs,
        long outputs,
        long kernel,
        long shrink = 1,
        bool bias = true
    )
    {
        var elements = x.Elements / inputs / shrink * outputs;
        var flops = 2.0 * elements * inputs * kernel * kernel;
        return Record(
            elements,
            x.ElementBytes,
            [(x, false)],
            [x],
            new()
            {
                Flops = flops,
                InputFlops = flops,
                WeightFlops = flops,
                Weights = (inputs * outputs * kernel * kernel) + (bias ? outputs : 0),
            }
        );
    }

    /// <summary>Every pixel four times. Nothing is kept.</summary>
    public TracedTensor Upsample(TracedTensor x) => Record(4 * x.Elements, x.ElementBytes, [(x, false)], [], default);

    /// <summary>A product with a constant matrix that changes the size. The matrix is small, and kept.</summary>
    public TracedTensor Resize(TracedTensor x, long elements, double flops) =>
        Record(elements, x.ElementBytes, [(x, false)], [], new() { Flops = flops, InputFlops = flops });

    /// <summary>Limits to a range: keeps its input.</summary>
    public TracedTensor Clamp(TracedTensor x) => Activation(x);

    /// <summary>
    /// A function that is run again when it is pulled back: it keeps its argument, and its graph exists during its derivative.
    /// </summary>
    /// <param name="x">The argument.</param>
    /// <param name="function">The function; its weights are frozen.</param>
    public TracedTensor Recomputed(TracedTensor x, Func<OperationTrace, TracedTensor, TracedTensor> function)
    {
        if (!Options.Recording)
        {
            return function(this, x);
        }
        var forward = new OperationTrace(Options with { Recording = false });
        var value = function(forward, forward.Given(x.Elements, elementBytes: x.ElementBytes));
        var graph = new OperationTrace(Options);
        graph.Backward(function(graph, graph.Given(x.Elements, true, x.ElementBytes)));
        return Record(
            value.Elements,
            value.ElementBytes,
            [(x, false)],
            [x],
            new()
            {
                Flops = forward.ForwardFlops,
                InputFlops = graph.ForwardFlops + graph.BackwardFlops,
                Weights = graph.Parameters,
                ForwardTransient = forward.PeakBytes - value.Bytes,
                // The cotangent is there already.
                BackwardTransient = graph.PeakBytes - value.Bytes,
            }
        );
    }

    private TracedTensor Product(TracedTensor a, TracedTensor b, long elements, double flops) =>
        Record(
            elements,
            a.ElementBytes,
            [(a, false), (b, false)],
            (a.NeedsGradient, b.NeedsGradient) switch
            {
                (true, true) => [a, b],
                (true, false) => [b],
                (false, true) => [a],
                _ => [],
            },
            new() { Flops = flops, InputFlops = flops }
        );
}
