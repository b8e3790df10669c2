// The bridge between a model folder and the surrogates: a transformer becomes a velocity field, whatever its family, its types,
// its adapter, the threads and the device. The method side never sees any of it.

using FlowBP.Families;
using FlowBP.Families.Networks;
using FlowBP.Models.Adapters;
using FlowBP.Models.Prompts;
using FlowBP.Surrogates;
using FlowBP.Training.Devices;
using FlowBP.Training.Optimization;

namespace FlowBP.Training.Pipelines;

/// <summary>A loaded text-to-image model, ready to be sampled and trained.</summary>
public sealed class TextToImage : IDisposable
{
    private readonly double guidance;

    /// <summary>Loads a model folder; only the transformer's parameters receive gradients.</summary>
    /// <param name="settings">The model, and how it paints.</param>
    /// <param name="training">How it is trained; null: it only paints, and keeps no float32 masters.</param>
    /// <param name="device">Where it computes, the caller's; null: on the CPU.</param>
    /// <param name="prompts">
    /// Where embeddings of prompts come from, passed over to this object; null: from the folder's own text encoders.
    /// </param>
    /// <exception cref="Formats.CheckpointException">A file is missing, damaged, or does not fit.</exception>
    /// <exception cref="ArgumentException">The model can't paint pictures of this size.</exception>
    public TextToImage(
        ModelSettings settings,
        TrainingSettings? training = null,
        ComputeDevice? device = null,
        IPromptSource? prompts = null
    )
        : this(
            StoredModel.Load(settings.Files().Folder, prompts, settings.Files().Transformer),
            settings,
            training,
            device
        ) { }

    /// <summary>Takes a model that is there already; only the transformer's parameters receive gradients.</summary>
    /// <param name="model">The model, the transformer in float32 or, under an adapter, in any type; it belongs to this object.</param>
    /// <param name="settings">How it paints.</param>
    /// <param name="training">How it is trained; null: it only paints, and keeps no float32 masters.</param>
    /// <param name="device">Where it computes, the caller's; null: on the CPU.</param>
    /// <exception cref="ArgumentException">The model can't paint pictures of this size.</exception>
    public TextToImage(
        FlowModel model,
        ModelSettings settings,
        TrainingSettings? training = null,
        ComputeDevice? device = null
    )
    {
        Compute = device ?? ComputeDevice.Cpu;
        Model = model;
        var (stored, type) = (settings.StoredLora(training), settings.ComputeDtype);
        // Weights that are not trained need none; an adapter's factors are float32 on a network of any type.
        var hasMasters = training is { Lora: null } && stored is null && type != ScalarType.Float32;
        try
        {
            LatentShape = Model.LatentShape(settings.Size);
            if (settings.StrengthBaseFolder is { } aligned && settings.Strength != 1)
            {
                WeightInterpolation.Apply(Model, aligned, settings.Strength);
            }
            if (!hasMasters)
            {
                // Before it is moved: a narrow network may fit where a wide one does not.
                Model.Transformer.to(type);
            }
            Model.Vae.to(settings.RewardDtype);
            Model.Vae.RecomputesDecode = training is { RecomputeDecode: true };
            Model.To(Compute.Device);
            Adapter = stored?.Load(model.Transformer) ?? NewAdapter(training?.Lora, (ulong)settings.Seed);
            Model.Transformer.RolloutKernels = Compute.RolloutKernels;
            Workers = settings.CpuWorkers > 1 && !Compute.IsGpu ? new BatchWorkers(settings.CpuWorkers) : null;
            Masters = hasMasters ? new ComputeCopy(Model.Transformer, type) : null;
            guidance = settings.CfgGuidance;
            Field = Guided(guidance, training);
            Painter = new PicturePainter(
                this,
                training?.EvalGuidanceScale is { } scale && scale != guidance ? Guided(scale, training) : Field
            );
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private LoraAdapter? NewAdapter(LoraConfig? lora, ulong seed) =>
        lora is null
            ? null
            : LoraAdapter.Attach(
                Model.Transformer,
                lora.TargetModules.Count == 0 ? lora with { TargetModules = Model.Family.AdapterTargets } : lora,
                seed
            );

    private GuidedVelocityField Guided(double scale, TrainingSettings? training) =>
        Guided(
            new BlockwiseVelocityField(
                Model.Blockwise(scale, Adapter),
                training?.Checkpointing ?? GradientCheckpointing.None,
                Masters
            ),
            scale,
            training?.CfgDetachNeg ?? true
        );

    private GuidedVelocityField Guided(BlockwiseVelocityField field, double scale, bool detachNegative) =>
        new(
            Workers is null ? field : new DataParallelVelocityField(field, Workers),
            Model.HasNegativeBranch ? scale : 1,
            detachNegative
        );

    /// <summary>Another transformer of this model's kind as <see cref="Field"/> has its own, to be evaluated.</summary>
    internal IVelocityField FieldOf(FlowTransformer transformer) =>
        Guided(
            new BlockwiseVelocityField(new BlockwiseTransformer(transformer, guidance), GradientCheckpointing.None),
            guidance,
            detachNegative: true
        );

    /// <summary>The threads that share a batch; null: none.</summary>
    public BatchWorkers? Workers { get; }

    /// <summary>Where it computes.</summary>
    public ComputeDevice Compute { get; }

    /// <summary>The networks, and what is particular to their family.</summary>
    public FlowModel Model { get; }

    /// <summary>Float32 masters of a transformer that computes in a narrower type; null: its parameters are their own.</summary>
    public ComputeCopy? Masters { get; }

    /// <summary>What is trained instead of the transformer's own weights; null: these.</summary>
    public LoraAdapter? Adapter { get; }

    /// <summary>What an optimizer gets: masters, the adapter's factors, or the transformer's parameters.</summary>
    public IEnumerable<(string Name, Parameter Parameter)> TrainedParameters =>
        Adapter?.named_parameters() ?? Masters?.Masters ?? Model.Transformer.named_parameters();

    /// <summary>Paints with it.</summary>
    public PicturePainter Painter { get; }

    /// <summary>Stores it.</summary>
    public ModelStorage Storage => new(this);

    /// <summary>The guided velocity field.</summary>
    public GuidedVelocityField Field { get; }

    /// <summary>The size of one latent, [C, Y, X].</summary>
    public long[] LatentShape { get; }

    /// <summary>The size of a picture.</summary>
    public ImageSize PictureSize =>
        new((int)LatentShape[1] * Model.PixelsPerLatent, (int)LatentShape[2] * Model.PixelsPerLatent);

    /// <summary>The schedule of a number of steps, as the model folder says.</summary>
    /// <param name="steps">N.</param>
    public NoiseSchedule Schedule(int steps) => Model.Schedule(steps, LatentShape);

    /// <inheritdoc/>
    public void Dispose()
    {
        Painter?.Dispose();
        Masters?.Dispose();
        Adapter?.Dispose();
        Workers?.Dispose();
        Model.Dispose();
    }
}
