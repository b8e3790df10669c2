namespace FlowBP.Torch;
