// The fixtures of the families' transformers: they differ in their inputs alone.

using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Families.SD3;

namespace FlowBP.Verification.Networks;

internal static class TransformerFixtures
{
    private static readonly string[] s_states = ["hidden_states", "encoder_hidden_states"];
    private static readonly string[] s_pooledStates = [.. s_states, "pooled_projections"];

    /// <summary>One of each family.</summary>
    public static INetworkFixture[] All { get; } =
    [
        new TransformerFixture<SD3Transformer2DModel>(
            file => new(SD3TransformerConfig.Read(file)),
            s_pooledStates,
            (model, x, fixture) => model.call(x[0], x[1], x[2], fixture.Load("in.timestep"))
        ),
        new TransformerFixture<FluxTransformer2DModel>(
            file => new(FluxTransformerConfig.Read(file)),
            s_pooledStates,
            (model, x, fixture) =>
                model.call(
                    new FluxInput(
                        x[0],
                        x[1],
                        x[2],
                        fixture.Load("in.timestep"),
                        Guidance(fixture),
                        fixture.Load("in.img_ids"),
                        fixture.Load("in.txt_ids")
                    )
                )
        ),
        // Positions are recorded per sample, and are the same for all.
        new TransformerFixture<Flux2Transformer2DModel>(
            file => new(Flux2TransformerConfig.Read(file)),
            s_states,
            (model, x, fixture) =>
                model.call(
                    new Flux2Input(
                        x[0],
                        x[1],
                        fixture.Load("in.timestep"),
                        Guidance(fixture),
                        fixture.Load("in.img_ids").select(0, 0),
                        fixture.Load("in.txt_ids").select(0, 0)
                    )
                )
        ),
    ];

    private static Tensor? Guidance(FixtureFolder fixture) =>
        fixture.Has("in.guidance") ? fixture.Load("in.guidance") : null;
}

/// <summary>A transformer's velocity and gradients.</summary>
/// <param name="build">Builds it from its config.json.</param>
/// <param name="leaves">Names of the inputs that have gradients.</param>
/// <param name="call">The velocity from these inputs, in their order, and the others.</param>
internal sealed class TransformerFixture<T>(
    Func<string, T> build,
    string[] leaves,
    Func<T, Tensor[], FixtureFolder, Tensor> call
) : INetworkFixture
    where T : nn.Module
{
    public bool Matches(FixtureFolder fixture) => fixture.Network.Contains(typeof(T).Name);

    public void Check(FixtureFolder fixture, Comparison comparison)
    {
        var model = fixture.Loaded(build(fixture.ConfigFile));
        var inputs = leaves.Select(name => fixture.LoadLeaf($"in.{name}")).ToArray();
        var velocity = call(model, inputs, fixture);
        comparison.Tensors("out", velocity, fixture.Load("out"));
        GradientCheck.Run(fixture, comparison, model, velocity, [.. leaves.Zip(inputs)]);
    }
}
