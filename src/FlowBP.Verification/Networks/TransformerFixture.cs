// The fixtures of the families' transformers.

using FlowBP.Families;
using FlowBP.Formats;

namespace FlowBP.Verification.Networks;

/// <summary>A transformer's velocity and gradients.</summary>
/// <param name="family">Its family.</param>
internal sealed class TransformerFixture(ModelFamily family) : INetworkFixture
{
    /// <summary>One of each family.</summary>
    public static IEnumerable<INetworkFixture> All => ModelFamilies.All.Select(each => new TransformerFixture(each));

    public bool Matches(FixtureFolder fixture) => fixture.Network.Contains(family.Transformer.Name);

    public void Check(FixtureFolder fixture, Comparison comparison)
    {
        var config = ConfigReader.Open(fixture.ConfigFile);
        var model = fixture.Loaded(family.NewTransformer(config));
        string[] leaves =
        [
            "hidden_states",
            "encoder_hidden_states",
            .. model.PooledWidth is null ? Array.Empty<string>() : ["pooled_projections"],
        ];
        var x = leaves.Select(name => fixture.LoadLeaf($"in.{name}")).ToArray();
        var velocity = model.call(
            new(
                x[0],
                x[1],
                x.ElementAtOrDefault(2),
                fixture.Load("in.timestep"),
                Optional("in.guidance"),
                Positions("in.img_ids"),
                Positions("in.txt_ids")
            )
        );
        comparison.Tensors("out", velocity, fixture.Load("out"));
        GradientCheck.Run(fixture, comparison, model, velocity, [.. leaves.Zip(x)]);

        Tensor? Optional(string name) => fixture.Has(name) ? fixture.Load(name) : null;

        // Where they are recorded per sample they are the same for all.
        Tensor? Positions(string name) => Optional(name) is { } ids ? (ids.ndim == 3 ? ids.select(0, 0) : ids) : null;
    }
}
