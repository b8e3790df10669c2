namespace FlowBP.Torch;

public static partial class torch
{
    /// <summary>Optimizers.</summary>
    public static class optim
    {
        /// <summary>What a schedule of learning rates changes.</summary>
        public interface ILearningRateController { }

        /// <summary>AdamW (Loshchilov and Hutter 2019): Adam with decoupled weight decay.</summary>
        /// <param name="parameters">What is trained; parameters without a gradient are left alone.</param>
        /// <param name="lr">Learning rate.</param>
        /// <param name="beta1">Decay of the first moment.</param>
        /// <param name="beta2">Decay of the second moment.</param>
        /// <param name="eps">Added to √v̂.</param>
        /// <param name="weight_decay">Decoupled: p ← p·(1 − lr·weight_decay).</param>
        /// <param name="amsgrad">Divide by the largest second moment so far.</param>
        /// <param name="maximize">Follow the gradient upwards.</param>
        /// <exception cref="ArgumentException">A number lies outside its range.</exception>
        public static Modules.AdamW AdamW(
            IEnumerable<Modules.Parameter> parameters,
            double lr = 1e-3,
            double beta1 = 0.9,
            double beta2 = 0.999,
            double eps = 1e-8,
            double weight_decay = 0,
            bool amsgrad = false,
            bool maximize = false
        ) => new(parameters, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);
    }
}
