// The model as it was before training, for whoever holds the trained one near it. Under an adapter it is the same network with the
// adapter off, and takes no memory; where all weights train it is a frozen copy of them, in the type that the network computes in, so
// that before the first update the two are the same to the last bit.

using FlowBP.Families;
using FlowBP.Families.Inspection;
using FlowBP.Families.Networks;
using FlowBP.Formats;
using FlowBP.Models.Adapters;
using FlowBP.Surrogates;

namespace FlowBP.Training.Pipelines;

/// <summary>The velocities of a model as it was before training.</summary>
public sealed class ReferenceModel : IDisposable
{
    private readonly FlowTransformer? copy;

    /// <summary>Takes the model as it is now.</summary>
    /// <param name="model">The model; it stays the caller's, and outlives this.</param>
    public ReferenceModel(TextToImage model)
    {
        if (model.Adapter is { } adapter)
        {
            Field = new FieldWithoutAdapter(model.Field, adapter);
            return;
        }
        copy = Copy(model.Model);
        try
        {
            copy.RolloutKernels = model.Compute.RolloutKernels;
            Field = model.FieldOf(copy);
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    /// <summary>The guided velocity field; it is evaluated and never pulled back.</summary>
    public IVelocityField Field { get; }

    /// <summary>Bytes of the frozen copy; 0 under an adapter.</summary>
    public long Bytes => copy?.parameters().Sum(parameter => parameter.numel() * parameter.element_size()) ?? 0;

    /// <inheritdoc/>
    public void Dispose() => copy?.Dispose();

    // Never larger than it is in the end: the constructor's own values have no memory.
    private static FlowTransformer Copy(FlowModel model)
    {
        var trained = model.Transformer;
        var config = ConfigReader.Parse("the transformer's configuration", trained.ConfigJson);
        var type = trained.parameters().First().dtype;
        var device = trained.parameters().First().device;
        var made = MetaNetwork.Build(() => model.Family.NewTransformer(config));
        try
        {
            using var noGrad = torch.no_grad();
            made.ToEmpty(device, type);
            Fill(made.named_parameters(), trained.named_parameters());
            Fill(made.named_buffers(), trained.named_buffers());
            made.eval();
            foreach (var parameter in made.parameters())
            {
                parameter.requires_grad = false;
            }
            made.TrainTimesteps = trained.TrainTimesteps;
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    private static void Fill<T>(IEnumerable<(string name, T tensor)> made, IEnumerable<(string name, T tensor)> from)
        where T : Tensor
    {
        var values = from.ToDictionary(each => each.name, each => each.tensor);
        foreach (var (name, tensor) in made)
        {
            tensor.copy_(values[name]);
        }
    }

    /// <summary>The field with its adapter off while it is evaluated.</summary>
    private sealed class FieldWithoutAdapter(IVelocityField adapted, LoraAdapter adapter) : IVelocityField
    {
        public double Scale => adapted.Scale;

        public Tensor Evaluate(Tensor x_B, Tensor sigma_B, Conditioning conditioning, ForwardTrace? trace = null)
        {
            var wasEnabled = adapter.Enabled;
            adapter.Enabled = false;
            try
            {
                return adapted.Evaluate(x_B, sigma_B, conditioning);
            }
            finally
            {
                adapter.Enabled = wasEnabled;
            }
        }

        public Tensor? Vjp(
            Tensor x_B,
            Tensor sigma_B,
            Conditioning conditioning,
            Tensor cotangent_B,
            bool wantInputGradient,
            KeptForward? kept = null,
            IParameterGradients? gradients = null
        ) =>
            throw new NotSupportedException(
                "the reference of an anchor is a constant: nothing is pulled back through it"
            );
    }
}
